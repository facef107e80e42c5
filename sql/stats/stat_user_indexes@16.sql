-- Statistics of each index whose change token moved, one row per index.
-- As for tables; a scan that finds nothing moves an index's token and not its
-- table's.
-- This variant knows when an index was last scanned.
-- @interval indexes
-- @scope database
select
    s.oid::bigint as oid,
    case
        when pg_catalog.pg_table_is_visible(s.oid) is not null then s.token
    end as token,
    pg_catalog.pg_stat_get_numscans(s.oid) as idx_scan_total,             -- Index scans.
    pg_catalog.pg_stat_get_tuples_returned(s.oid) as idx_tup_read_total,  -- Index entries returned.
    pg_catalog.pg_stat_get_tuples_fetched(s.oid) as idx_tup_fetch_total,  -- Live tuples fetched by plain index scans.
    pg_catalog.pg_stat_get_blocks_fetched(s.oid) - pg_catalog.pg_stat_get_blocks_hit(s.oid) as idx_blks_read_total,  -- Blocks of the index read from outside shared buffers.
    pg_catalog.pg_stat_get_blocks_hit(s.oid) as idx_blks_hit_total,       -- Blocks of the index found in shared buffers.
    pg_catalog.pg_stat_get_lastscan(s.oid) as last_idx_scan  -- Last index scan.
from (
    select
        w.oid,
        w.token as previous,
        pg_catalog.pg_stat_get_numscans(w.oid)
        + pg_catalog.pg_stat_get_blocks_fetched(w.oid) as token
    from rows from (
        pg_catalog.unnest(:'oids'::oid[]),
        pg_catalog.unnest(:'tokens'::bigint[])
    ) as w (oid, token)
    offset 0
) as s
where s.token is distinct from s.previous
