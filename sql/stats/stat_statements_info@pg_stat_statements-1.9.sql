-- Health of pg_stat_statements itself, one row per server.
-- This variant has the counts of its own evictions.
-- @interval statements
-- @requires pg_stat_statements
select
    pg_catalog.current_setting('pg_stat_statements.max')::integer as max_entries,  -- Statements it can hold.
    i.dealloc as deallocations_total,  -- Times the least executed statements were evicted.
    i.stats_reset as reset_at          -- When it was last reset.
from :"pg_stat_statements".pg_stat_statements_info as i
