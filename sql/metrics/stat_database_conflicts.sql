-- Statements cancelled by conflicts with recovery, one row per database.
-- @interval 15s
-- @role standby
select
    c.datname::text as datname,                          -- Database.
    c.confl_tablespace as tablespace_total,              -- Cancelled because a tablespace was dropped.
    c.confl_lock as lock_total,                          -- Cancelled because of a lock.
    c.confl_snapshot as snapshot_total,                  -- Cancelled because of an old snapshot.
    c.confl_bufferpin as bufferpin_total,                -- Cancelled because of a pinned buffer.
    c.confl_deadlock as deadlock_total                   -- Cancelled because of a deadlock.
from pg_catalog.pg_stat_database_conflicts as c
where c.datname is not null
