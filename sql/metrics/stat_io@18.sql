-- I/O by kind of backend, object and context, one row per combination in use.
-- From 18 operations may span blocks, and WAL is an object.
-- @interval 15s
select
    i.backend_type as backend_type,                    -- Kind of backend.
    i.object as object,                                -- Kind of object.
    i.context as context,                              -- Context of the operation.
    i.reads as reads_total,                            -- Read operations.
    i.read_bytes::bigint as read_bytes_total,          -- Bytes read.
    i.read_time / 1000 as read_time_seconds_total,     -- Time spent reading.
    i.writes as writes_total,                          -- Write operations.
    i.write_bytes::bigint as write_bytes_total,        -- Bytes written.
    i.write_time / 1000 as write_time_seconds_total,   -- Time spent writing.
    i.extends as extends_total,                        -- Extensions of relations.
    i.extend_bytes::bigint as extend_bytes_total,      -- Bytes relations were extended by.
    i.hits as hits_total,                              -- Blocks found in shared buffers.
    i.evictions as evictions_total,                    -- Blocks evicted from shared buffers.
    i.fsyncs as fsyncs_total                           -- Syncs.
from pg_catalog.pg_stat_io as i
where coalesce(i.reads, 0) + coalesce(i.writes, 0) + coalesce(i.extends, 0)
    + coalesce(i.hits, 0) + coalesce(i.evictions, 0) + coalesce(i.fsyncs, 0) > 0
