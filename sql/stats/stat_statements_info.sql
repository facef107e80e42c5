-- Health of pg_stat_statements itself, one row per server.
-- Extension version 1.9 brought the counts of its own evictions.
-- @interval statements
-- @requires pg_stat_statements
select
    pg_catalog.current_setting('pg_stat_statements.max')::integer as max_entries,  -- Statements it can hold.
    null::bigint as deallocations_total,
    null::timestamptz as reset_at
