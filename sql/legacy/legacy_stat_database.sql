-- Counters of databases without `_total`, one row per database.
-- @interval 15s
select
    d.datid::text as datid,
    d.datname::text as datname,
    d.xact_commit as xact_commit,      -- Transactions committed.
    d.xact_rollback as xact_rollback,  -- Transactions rolled back.
    d.blks_read as blks_read,          -- Blocks read from outside shared buffers.
    d.blks_hit as blks_hit,            -- Blocks found in shared buffers.
    d.tup_returned as tup_returned,    -- Live tuples read by sequential scans and index entries returned.
    d.tup_fetched as tup_fetched,      -- Live tuples fetched by index scans.
    d.tup_inserted as tup_inserted,    -- Tuples inserted.
    d.tup_updated as tup_updated,      -- Tuples updated.
    d.tup_deleted as tup_deleted,      -- Tuples deleted.
    d.conflicts as conflicts,          -- Statements cancelled by conflicts with recovery.
    d.temp_files as temp_files,        -- Temporary files created.
    d.temp_bytes as temp_bytes,        -- Bytes written to temporary files.
    d.deadlocks as deadlocks,          -- Deadlocks.
    d.blk_read_time as blk_read_time,  -- Time spent reading data files, in milliseconds.
    d.blk_write_time as blk_write_time -- Time spent writing data files, in milliseconds.
from pg_catalog.pg_stat_database as d
where d.datname is not null
