-- Statements without their texts, one row per entry.
-- Reading texts costs ten times as much and fails on a single text in a wrong
-- encoding; they are read apart, once. Entries of other roles without an id
-- (the role lacks pg_read_all_stats) are left out.
-- Version 1.9 tells nested statements apart.
-- @interval statements
select
    s.userid::bigint as userid,
    s.dbid::bigint as dbid,
    s.queryid as queryid,
    s.toplevel as toplevel,
    s.calls as calls_total,  -- Times the statement was executed.
    s.total_exec_time / 1000 as exec_time_seconds_total,  -- Time spent executing the statement.
    s.total_plan_time / 1000 as plan_time_seconds_total,  -- Time spent planning the statement.
    s.rows as rows_total,  -- Rows returned or affected.
    s.shared_blks_hit as shared_blks_hit_total,  -- Blocks found in shared buffers.
    s.shared_blks_read as shared_blks_read_total,  -- Blocks read from outside shared buffers.
    s.shared_blks_dirtied as shared_blks_dirtied_total,  -- Blocks dirtied.
    s.shared_blks_written as shared_blks_written_total,  -- Blocks written by the backend itself.
    s.temp_blks_read as temp_blks_read_total,  -- Blocks read from temporary files.
    s.temp_blks_written as temp_blks_written_total,  -- Blocks written to temporary files.
    s.blk_read_time / 1000 as blk_read_time_seconds_total,  -- Time spent reading blocks.
    s.blk_write_time / 1000 as blk_write_time_seconds_total,  -- Time spent writing blocks.
    s.wal_bytes::bigint as wal_bytes_total,  -- Bytes of WAL written.
    s.mean_exec_time / 1000 as mean_exec_time_seconds,
    null::timestamptz as stats_since
from :"pg_stat_statements".pg_stat_statements(false) as s
where s.queryid is not null
