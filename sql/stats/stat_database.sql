-- Activity of each database, one row per database that allows connections.
-- Server 14 brought session statistics.
-- @interval 15s
select
    d.datname::text as datname,                             -- Database.
    s.numbackends as numbackends,                           -- Backends connected.
    d.datconnlimit as connection_limit,                     -- Connections allowed to this database, -1 for no limit.
    s.xact_commit as xact_commit_total,                     -- Transactions committed.
    s.xact_rollback as xact_rollback_total,                 -- Transactions rolled back.
    s.blks_read as blks_read_total,                         -- Blocks read from outside shared buffers.
    s.blks_hit as blks_hit_total,                           -- Blocks found in shared buffers.
    s.tup_returned as tup_returned_total,                   -- Live tuples read by sequential scans and index entries returned.
    s.tup_fetched as tup_fetched_total,                     -- Live tuples fetched by index scans.
    s.tup_inserted as tup_inserted_total,                   -- Tuples inserted.
    s.tup_updated as tup_updated_total,                     -- Tuples updated.
    s.tup_deleted as tup_deleted_total,                     -- Tuples deleted.
    s.conflicts as conflicts_total,                         -- Statements cancelled by conflicts with recovery.
    s.temp_files as temp_files_total,                       -- Temporary files created.
    s.temp_bytes as temp_bytes_total,                       -- Bytes written to temporary files.
    s.deadlocks as deadlocks_total,                         -- Deadlocks.
    s.checksum_failures as checksum_failures_total,         -- Blocks whose checksum was wrong.
    s.blk_read_time / 1000 as blk_read_time_seconds_total,  -- Time spent reading data files.
    s.blk_write_time / 1000 as blk_write_time_seconds_total,-- Time spent writing data files.
    null::double precision as session_time_seconds_total,
    null::double precision as active_time_seconds_total,
    null::double precision as idle_in_transaction_time_seconds_total,
    null::bigint as sessions_total,
    null::bigint as sessions_abandoned_total,
    null::bigint as sessions_fatal_total,
    null::bigint as sessions_killed_total,
    pg_catalog.age(d.datfrozenxid) as frozen_xid_age,       -- Age in transactions of the oldest unfrozen transaction id.
    pg_catalog.mxid_age(d.datminmxid) as min_mxid_age,      -- Age in multixacts of the oldest multixact id.
    s.stats_reset as stats_reset                            -- When these statistics were last reset.
from pg_catalog.pg_stat_database as s
inner join pg_catalog.pg_database as d on d.oid = s.datid
where d.datallowconn
