-- Connections by database and state, one row for each pair, also where there are none.
-- @interval 15s
select
    d.datname::text as datname,
    s.state as state,
    coalesce(a.count, 0) as count,  -- Connections in this state.
    coalesce(a.max_tx_duration, 0) as max_tx_duration  -- Age of the oldest open transaction in this state, in seconds.
from pg_catalog.pg_database as d
cross join pg_catalog.unnest(
    array[
        'active',
        'idle',
        'idle in transaction',
        'idle in transaction (aborted)',
        'fastpath function call',
        'disabled'
    ]
) as s (state)
left join (
    select
        a.datid,
        a.state,
        pg_catalog.count(*) as count,
        pg_catalog.max(
            pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start)
        ) as max_tx_duration
    from pg_catalog.pg_stat_activity as a
    group by
        a.datid,
        a.state
) as a
    on a.datid = d.oid and a.state = s.state
where d.datallowconn
