-- Counters of checkpoints and of the background writer without `_total`, one row.
-- @interval 15s
select
    b.checkpoints_timed as checkpoints_timed,          -- Checkpoints begun because of checkpoint_timeout.
    b.checkpoints_req as checkpoints_req,              -- Checkpoints begun because of WAL volume or a command.
    b.checkpoint_write_time as checkpoint_write_time,  -- Time spent writing buffers, in milliseconds.
    b.checkpoint_sync_time as checkpoint_sync_time,    -- Time spent syncing files, in milliseconds.
    b.buffers_checkpoint as buffers_checkpoint,        -- Buffers written by checkpoints.
    b.buffers_clean as buffers_clean,                  -- Buffers written by the background writer.
    b.maxwritten_clean as maxwritten_clean,            -- Rounds stopped because too many buffers had been written.
    b.buffers_backend as buffers_backend,              -- Buffers written by backends.
    b.buffers_backend_fsync as buffers_backend_fsync,  -- Files that backends had to sync themselves.
    b.buffers_alloc as buffers_alloc                   -- Buffers allocated.
from pg_catalog.pg_stat_bgwriter as b
