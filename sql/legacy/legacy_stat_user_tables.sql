-- Figures of tables without units in their names, one row per table, the busiest 200.
-- @interval 60s
-- @scope database
-- @timeout 10s
-- @lane side
-- @max_series 2400
select
    t.schemaname::text as schemaname,
    t.relname::text as relname,
    t.seq_scan as seq_scan,            -- Sequential scans.
    t.seq_tup_read as seq_tup_read,    -- Live tuples read by sequential scans.
    t.idx_scan as idx_scan,            -- Index scans.
    t.idx_tup_fetch as idx_tup_fetch,  -- Live tuples fetched by index scans.
    t.n_tup_ins as n_tup_ins,          -- Tuples inserted.
    t.n_tup_upd as n_tup_upd,          -- Tuples updated.
    t.n_tup_del as n_tup_del,          -- Tuples deleted.
    t.n_tup_hot_upd as n_tup_hot_upd,  -- Tuples updated without new index entries.
    coalesce(pg_catalog.date_part('epoch', t.last_vacuum), 0) as last_vacuum,            -- Last VACUUM by hand, 0 for never.
    coalesce(pg_catalog.date_part('epoch', t.last_autovacuum), 0) as last_autovacuum,    -- Last VACUUM by autovacuum, 0 for never.
    coalesce(pg_catalog.date_part('epoch', t.last_analyze), 0) as last_analyze,          -- Last ANALYZE by hand, 0 for never.
    coalesce(pg_catalog.date_part('epoch', t.last_autoanalyze), 0) as last_autoanalyze   -- Last ANALYZE by autovacuum, 0 for never.
from pg_catalog.pg_stat_user_tables as t
order by
    t.n_tup_ins + t.n_tup_upd + t.n_tup_del + t.seq_tup_read + coalesce(t.idx_tup_fetch, 0) desc,
    t.relid
limit 200
