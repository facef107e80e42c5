-- Background writer, one row per server.
-- From 17 the backends' own writes are counted in pg_stat_io.
-- @interval 15s
select
    b.buffers_clean as buffers_clean_total,        -- Buffers written by the background writer.
    b.maxwritten_clean as maxwritten_clean_total,  -- Rounds stopped because too many buffers had been written.
    b.buffers_alloc as buffers_alloc_total,        -- Buffers allocated.
    b.buffers_backend as buffers_backend_total,    -- Buffers written by backends themselves.
    b.buffers_backend_fsync as buffers_backend_fsync_total  -- Syncs backends had to do themselves.
from pg_catalog.pg_stat_bgwriter as b
