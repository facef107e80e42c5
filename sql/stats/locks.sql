-- Locks by mode and kind of object, one row per combination; our own left out.
-- @interval activity
select
    coalesce(d.datname::text, '') as datname,             -- Database, empty for what belongs to none.
    l.mode as mode,                                       -- Lock mode, for instance AccessExclusiveLock.
    l.locktype as locktype,                               -- Kind of object.
    case when l.granted then 'true' else 'false' end as granted,  -- Held, or still awaited.
    pg_catalog.count(*) as locks                          -- Locks.
from pg_catalog.pg_locks as l
left join pg_catalog.pg_database as d on d.oid = l.database
where l.pid is distinct from pg_catalog.pg_backend_pid()
group by 1, 2, 3, 4
