-- Statistics of each table whose change token moved, one row per table.
-- The functions take no lock and need no catalog scan; names are joined later, by
-- oid. The token adds up counters, and weighs in what TRUNCATE and pruning change
-- without counting. An oid that no longer exists comes back without a token.
-- @interval tables
-- @scope database
select
    s.oid::bigint as oid,
    case
        when pg_catalog.pg_table_is_visible(s.oid) is not null then s.token
    end as token,
    pg_catalog.pg_stat_get_numscans(s.oid) as seq_scan_total,                 -- Sequential scans.
    pg_catalog.pg_stat_get_tuples_returned(s.oid) as seq_tup_read_total,      -- Live tuples read by sequential scans.
    i.idx_scan as idx_scan_total,                                             -- Index scans.
    (i.idx_tup_fetch + pg_catalog.pg_stat_get_tuples_fetched(s.oid))::bigint as idx_tup_fetch_total,  -- Live tuples fetched by index scans.
    pg_catalog.pg_stat_get_tuples_inserted(s.oid) as n_tup_ins_total,         -- Tuples inserted.
    pg_catalog.pg_stat_get_tuples_updated(s.oid) as n_tup_upd_total,          -- Tuples updated.
    pg_catalog.pg_stat_get_tuples_deleted(s.oid) as n_tup_del_total,          -- Tuples deleted.
    pg_catalog.pg_stat_get_tuples_hot_updated(s.oid) as n_tup_hot_upd_total,  -- Tuples updated without new index entries.
    null::bigint as n_tup_newpage_upd_total,
    pg_catalog.pg_stat_get_live_tuples(s.oid) as n_live_tup,                  -- Estimated live tuples.
    pg_catalog.pg_stat_get_dead_tuples(s.oid) as n_dead_tup,                  -- Estimated dead tuples.
    pg_catalog.pg_stat_get_mod_since_analyze(s.oid) as n_mod_since_analyze,   -- Estimated tuples modified since the last ANALYZE.
    pg_catalog.pg_stat_get_ins_since_vacuum(s.oid) as n_ins_since_vacuum,     -- Estimated tuples inserted since the last VACUUM.
    pg_catalog.pg_stat_get_blocks_fetched(s.oid) - pg_catalog.pg_stat_get_blocks_hit(s.oid) as heap_blks_read_total,  -- Blocks of the table read from outside shared buffers.
    pg_catalog.pg_stat_get_blocks_hit(s.oid) as heap_blks_hit_total,          -- Blocks of the table found in shared buffers.
    pg_catalog.pg_stat_get_vacuum_count(s.oid) as vacuum_count_total,         -- VACUUMs by hand.
    pg_catalog.pg_stat_get_autovacuum_count(s.oid) as autovacuum_count_total, -- VACUUMs by autovacuum.
    pg_catalog.pg_stat_get_analyze_count(s.oid) as analyze_count_total,       -- ANALYZEs by hand.
    pg_catalog.pg_stat_get_autoanalyze_count(s.oid) as autoanalyze_count_total,  -- ANALYZEs by autovacuum.
    pg_catalog.pg_stat_get_last_vacuum_time(s.oid) as last_vacuum,            -- Last VACUUM by hand.
    pg_catalog.pg_stat_get_last_autovacuum_time(s.oid) as last_autovacuum,    -- Last VACUUM by autovacuum.
    pg_catalog.pg_stat_get_last_analyze_time(s.oid) as last_analyze,          -- Last ANALYZE by hand.
    pg_catalog.pg_stat_get_last_autoanalyze_time(s.oid) as last_autoanalyze,  -- Last ANALYZE by autovacuum.
    null::timestamptz as last_idx_scan
from (
    select
        w.oid,
        w.token as previous,
        pg_catalog.pg_stat_get_numscans(w.oid)
        + pg_catalog.pg_stat_get_blocks_fetched(w.oid)
        + pg_catalog.pg_stat_get_tuples_inserted(w.oid)
        + pg_catalog.pg_stat_get_tuples_updated(w.oid)
        + pg_catalog.pg_stat_get_tuples_deleted(w.oid)
        + pg_catalog.pg_stat_get_vacuum_count(w.oid)
        + pg_catalog.pg_stat_get_autovacuum_count(w.oid)
        + pg_catalog.pg_stat_get_analyze_count(w.oid)
        + pg_catalog.pg_stat_get_autoanalyze_count(w.oid)
        + 7 * pg_catalog.pg_stat_get_live_tuples(w.oid)
        + 13 * pg_catalog.pg_stat_get_dead_tuples(w.oid) as token
    from rows from (
        pg_catalog.unnest(:'oids'::oid[]),
        pg_catalog.unnest(:'tokens'::bigint[])
    ) as w (oid, token)
    offset 0
) as s
cross join lateral (
    select
        pg_catalog.sum(pg_catalog.pg_stat_get_numscans(x.indexrelid))::bigint as idx_scan,
        pg_catalog.sum(pg_catalog.pg_stat_get_tuples_fetched(x.indexrelid))::bigint as idx_tup_fetch
    from pg_catalog.pg_index as x
    where x.indrelid = s.oid
) as i
where s.token is distinct from s.previous
