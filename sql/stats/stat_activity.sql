-- Client connections by what they are and do, one row per kind.
-- @interval activity
select
    coalesce(a.datname::text, '') as datname,                    -- Database.
    coalesce(a.usename::text, '') as usename,                    -- Role.
    coalesce(a.application_name, '') as application_name,        -- Application.
    coalesce(a.state, '') as state,                              -- State of the backend.
    coalesce(a.wait_event_type, '') as wait_event_type,          -- Kind of wait, empty for a backend that runs.
    pg_catalog.count(*) as connections,                          -- Client backends.
    pg_catalog.max(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.state_change)) as max_state_seconds,  -- Longest time since the state changed.
    pg_catalog.max(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start)) as max_xact_seconds,     -- Age of the oldest open transaction.
    pg_catalog.max(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.query_start)) filter (where a.state = 'active') as max_query_seconds  -- Longest running time of a statement.
from pg_catalog.pg_stat_activity as a
where a.backend_type = 'client backend'
group by 1, 2, 3, 4, 5
