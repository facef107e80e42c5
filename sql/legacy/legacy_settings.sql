-- Settings under the names that dashboards use, one row; sizes in bytes.
-- @interval 60s
with setting as (
    select
        s.name,
        case
            when s.unit in ('8kB', 'kB', 'MB', 'B')
                then pg_catalog.pg_size_bytes(
                    case s.unit when '8kB' then (8 * s.setting::bigint)::text || 'kB' else s.setting || s.unit end
                )::double precision
            else s.setting::double precision
        end as value
    from pg_catalog.pg_settings as s
    where s.vartype in ('integer', 'real')
)
select
    pg_catalog.max(s.value) filter (where s.name = 'superuser_reserved_connections') as superuser_reserved_connections,  -- Connections kept for superusers.
    pg_catalog.max(s.value) filter (where s.name = 'max_locks_per_transaction') as max_locks_per_transaction,  -- Locks that a transaction may hold on average.
    pg_catalog.max(s.value) filter (where s.name = 'shared_buffers') as shared_buffers_bytes,  -- Shared memory for blocks.
    pg_catalog.max(s.value) filter (where s.name = 'effective_cache_size') as effective_cache_size_bytes,  -- What the planner takes the cache to be.
    pg_catalog.max(s.value) filter (where s.name = 'maintenance_work_mem') as maintenance_work_mem_bytes,  -- Memory of one maintenance command.
    pg_catalog.max(s.value) filter (where s.name = 'work_mem') as work_mem_bytes,  -- Memory of one sort or hash.
    pg_catalog.max(s.value) filter (where s.name = 'max_wal_size') as max_wal_size_bytes,  -- WAL that begins a checkpoint.
    pg_catalog.max(s.value) filter (where s.name = 'random_page_cost') as random_page_cost,  -- The planner's cost of a block read out of order.
    pg_catalog.max(s.value) filter (where s.name = 'seq_page_cost') as seq_page_cost,  -- The planner's cost of a block read in order.
    pg_catalog.max(s.value) filter (where s.name = 'max_worker_processes') as max_worker_processes,  -- Background processes at a time.
    pg_catalog.max(s.value) filter (where s.name = 'max_parallel_workers') as max_parallel_workers  -- Parallel workers at a time.
from setting as s
