-- Locks by database and mode, one row for each pair, also where there are none.
-- @interval 15s
select
    d.datname::text as datname,
    m.mode as mode,
    pg_catalog.count(l.mode) as count  -- Locks of this mode.
from pg_catalog.pg_database as d
cross join pg_catalog.unnest(
    array[
        'accesssharelock',
        'rowsharelock',
        'rowexclusivelock',
        'shareupdateexclusivelock',
        'sharelock',
        'sharerowexclusivelock',
        'exclusivelock',
        'accessexclusivelock',
        'sireadlock'
    ]
) as m (mode)
left join pg_catalog.pg_locks as l
    on l.database = d.oid and pg_catalog.lower(l.mode) = m.mode
where d.datallowconn
group by
    d.datname,
    m.mode
