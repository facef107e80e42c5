-- Checkpoints, one row per server.
-- Until 16 they are counted in pg_stat_bgwriter; restartpoints are not.
-- @interval 15s
select
    b.checkpoints_timed as timed_total,            -- Checkpoints begun because of checkpoint_timeout.
    b.checkpoints_req as requested_total,          -- Checkpoints begun because of WAL volume or a command.
    null::bigint as done_total,
    null::bigint as restartpoints_timed_total,
    null::bigint as restartpoints_requested_total,
    null::bigint as restartpoints_done_total,
    b.checkpoint_write_time / 1000 as write_time_seconds_total,  -- Time spent writing buffers.
    b.checkpoint_sync_time / 1000 as sync_time_seconds_total,    -- Time spent syncing files.
    b.buffers_checkpoint as buffers_written_total  -- Buffers written.
from pg_catalog.pg_stat_bgwriter as b
