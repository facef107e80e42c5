-- Checkpoints, one row per server.
-- @interval 15s
select
    c.num_timed as timed_total,                    -- Checkpoints begun because of checkpoint_timeout.
    c.num_requested as requested_total,            -- Checkpoints begun because of WAL volume or a command.
    null::bigint as done_total,
    c.restartpoints_timed as restartpoints_timed_total,          -- Restartpoints begun because of checkpoint_timeout.
    c.restartpoints_req as restartpoints_requested_total,        -- Restartpoints begun because of WAL volume or a command.
    c.restartpoints_done as restartpoints_done_total,            -- Restartpoints completed.
    c.write_time / 1000 as write_time_seconds_total,             -- Time spent writing buffers.
    c.sync_time / 1000 as sync_time_seconds_total,               -- Time spent syncing files.
    c.buffers_written as buffers_written_total     -- Buffers written.
from pg_catalog.pg_stat_checkpointer as c
