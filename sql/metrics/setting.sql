-- Settings worth watching, one row; sizes in bytes, times in seconds.
-- @interval 5m
with setting as (
    select
        s.name,
        s.setting,
        case s.unit
            when '8kB' then 8192
            when 'kB' then 1024
            when 'MB' then 1048576
            when 'B' then 1
            when 'ms' then 0.001
            when 's' then 1
            when 'min' then 60
            else 1
        end as factor
    from pg_catalog.pg_settings as s
)
select
    pg_catalog.max(s.setting::double precision * s.factor) filter (where s.name = 'shared_buffers') as shared_buffers_bytes,  -- Shared memory for blocks.
    pg_catalog.max(s.setting::double precision * s.factor) filter (where s.name = 'effective_cache_size') as effective_cache_size_bytes,  -- What the planner takes the cache to be.
    pg_catalog.max(s.setting::double precision * s.factor) filter (where s.name = 'work_mem') as work_mem_bytes,  -- Memory of one sort or hash.
    pg_catalog.max(s.setting::double precision * s.factor) filter (where s.name = 'maintenance_work_mem') as maintenance_work_mem_bytes,  -- Memory of one maintenance command.
    pg_catalog.max(s.setting::double precision * s.factor) filter (where s.name = 'max_wal_size') as max_wal_size_bytes,  -- WAL that begins a checkpoint.
    pg_catalog.max(s.setting::double precision * s.factor) filter (where s.name = 'wal_segment_size') as wal_segment_size_bytes,  -- Size of a WAL file.
    pg_catalog.max(s.setting::double precision * s.factor) filter (where s.name = 'checkpoint_timeout') as checkpoint_timeout_seconds,  -- Time between checkpoints.
    pg_catalog.bool_or(s.setting = 'on') filter (where s.name = 'fsync') as fsync_enabled,  -- 1 if writes are made durable.
    pg_catalog.bool_or(s.setting = 'on') filter (where s.name = 'full_page_writes') as full_page_writes_enabled,  -- 1 if torn pages can be repaired.
    pg_catalog.bool_or(s.setting = 'on') filter (where s.name = 'data_checksums') as data_checksums_enabled,  -- 1 if blocks have checksums.
    pg_catalog.bool_or(s.setting = 'on') filter (where s.name = 'hot_standby_feedback') as hot_standby_feedback_enabled  -- 1 if a standby reports its horizon.
from setting as s
