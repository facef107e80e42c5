-- Background writer, one row per server.
-- From 17 the backends' own writes are counted in pg_stat_io.
-- @interval 15s
select
    b.buffers_clean as buffers_clean_total,        -- Buffers written by the background writer.
    b.maxwritten_clean as maxwritten_clean_total,  -- Rounds stopped because too many buffers had been written.
    b.buffers_alloc as buffers_alloc_total,        -- Buffers allocated.
    null::bigint as buffers_backend_total,
    null::bigint as buffers_backend_fsync_total
from pg_catalog.pg_stat_bgwriter as b
