-- Backends with an open transaction, blocked or blocking, one row per backend.
-- pg_blocking_pids holds every partition of the lock table for a moment: it is
-- called for the backends that wait for a lock, and for at most 100 of them.
-- This variant knows when a wait began and the statement's identifier.
-- @interval activity
with waiting as materialized (
    select
        a.pid,
        pg_catalog.pg_blocking_pids(a.pid) as blocked_by,
        (
            select pg_catalog.min(l.waitstart)
            from pg_catalog.pg_locks as l
            where l.pid = a.pid and not l.granted
        ) as waitstart
    from (
        select w.pid
        from pg_catalog.pg_stat_activity as w
        where w.wait_event_type = 'Lock'
        order by w.query_start
        limit 100
    ) as a
),
blocking as materialized (
    select distinct pg_catalog.unnest(w.blocked_by) as pid
    from waiting as w
)
select
    a.pid as pid,
    coalesce(a.datname::text, '') as datname,
    coalesce(a.usename::text, '') as usename,
    coalesce(a.application_name, '') as application_name,
    coalesce(pg_catalog.host(a.client_addr), '') as client_addr,
    coalesce(a.backend_type, '') as backend_type,
    coalesce(a.state, '') as state,
    coalesce(a.wait_event_type, '') as wait_event_type,
    coalesce(a.wait_event, '') as wait_event,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) as xact_seconds,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.query_start) as query_seconds,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.state_change) as state_seconds,
    case
        when w.pid is not null
            then pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - coalesce(w.waitstart, a.query_start))
    end as wait_seconds,
    pg_catalog.age(a.backend_xmin) as xmin_age,
    a.query_id as query_id,
    coalesce(w.blocked_by, '{}') as blocked_by,
    coalesce(a.application_name like 'pgvigil/%', false) as is_own
from pg_catalog.pg_stat_activity as a
left join waiting as w on w.pid = a.pid
left join blocking as b on b.pid = a.pid
where a.pid <> pg_catalog.pg_backend_pid()
    and (a.xact_start is not null or w.pid is not null or b.pid is not null)
    and (a.backend_type = 'client backend' or w.pid is not null or b.pid is not null)
order by
    (w.pid is not null or b.pid is not null) desc,
    a.xact_start
limit 200
