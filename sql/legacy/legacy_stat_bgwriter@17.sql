-- Counters of checkpoints and of the background writer without `_total`, one row.
-- From 17 checkpoints have a view of their own, and what backends write is in pg_stat_io.
-- @interval 15s
select
    c.num_timed as checkpoints_timed,                  -- Checkpoints begun because of checkpoint_timeout.
    c.num_requested as checkpoints_req,                -- Checkpoints begun because of WAL volume or a command.
    c.write_time as checkpoint_write_time,             -- Time spent writing buffers, in milliseconds.
    c.sync_time as checkpoint_sync_time,               -- Time spent syncing files, in milliseconds.
    c.buffers_written as buffers_checkpoint,           -- Buffers written by checkpoints.
    b.buffers_clean as buffers_clean,                  -- Buffers written by the background writer.
    b.maxwritten_clean as maxwritten_clean,            -- Rounds stopped because too many buffers had been written.
    i.writes as buffers_backend,                       -- Buffers written by backends.
    i.fsyncs as buffers_backend_fsync,                 -- Files that backends had to sync themselves.
    b.buffers_alloc as buffers_alloc                   -- Buffers allocated.
from pg_catalog.pg_stat_bgwriter as b
cross join pg_catalog.pg_stat_checkpointer as c
cross join (
    select
        pg_catalog.sum(o.writes)::bigint as writes,
        pg_catalog.sum(o.fsyncs)::bigint as fsyncs
    from pg_catalog.pg_stat_io as o
    where o.backend_type = 'client backend' and o.object = 'relation'
) as i
