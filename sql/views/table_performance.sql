-- Tables by rows read without an index, partitions rolled up to their parent.

create or replace view monitoring.table_performance as
select
    n.nspname as schemaname,
    c.relname as tablename,
    pg_catalog.sum(s.seq_scan)::bigint as seq_scan,
    pg_catalog.sum(s.seq_tup_read)::bigint as seq_tup_read,
    pg_catalog.sum(s.idx_scan)::bigint as idx_scan,
    pg_catalog.sum(s.idx_tup_fetch)::bigint as idx_tup_fetch,
    pg_catalog.sum(s.n_tup_ins)::bigint as n_tup_ins,
    pg_catalog.sum(s.n_tup_upd)::bigint as n_tup_upd,
    pg_catalog.sum(s.n_tup_del)::bigint as n_tup_del,
    pg_catalog.sum(s.n_tup_hot_upd)::bigint as n_tup_hot_upd,
    pg_catalog.sum(s.n_live_tup)::bigint as n_live_tup,
    pg_catalog.sum(s.n_dead_tup)::bigint as n_dead_tup,
    pg_catalog.max(s.last_vacuum) as last_vacuum,
    pg_catalog.max(s.last_autovacuum) as last_autovacuum,
    pg_catalog.max(s.last_analyze) as last_analyze,
    pg_catalog.max(s.last_autoanalyze) as last_autoanalyze,
    pg_catalog.max(s.last_seq_scan) as last_seq_scan,
    pg_catalog.max(s.last_idx_scan) as last_idx_scan,
    pg_catalog.sum(s.n_tup_newpage_upd)::bigint as n_tup_newpage_upd,
    pg_catalog.sum(s.n_mod_since_analyze)::bigint as n_mod_since_analyze,
    pg_catalog.sum(s.n_ins_since_vacuum)::bigint as n_ins_since_vacuum,
    pg_catalog.sum(s.total_vacuum_time) as total_vacuum_time,
    pg_catalog.sum(s.total_autovacuum_time) as total_autovacuum_time,
    pg_catalog.sum(s.total_analyze_time) as total_analyze_time,
    pg_catalog.sum(s.total_autoanalyze_time) as total_autoanalyze_time,
    pg_catalog.sum(
        monitoring.relation_bytes(s.relid, (select monitoring.locked_relations()))
    )::bigint as size_bytes,
    pg_catalog.round(
        pg_catalog.sum(s.n_dead_tup)
        / nullif(pg_catalog.sum(s.n_live_tup + s.n_dead_tup), 0),
        4
    ) as dead_ratio,
    pg_catalog.round(
        pg_catalog.sum(coalesce(s.idx_scan, 0))
        / nullif(pg_catalog.sum(s.seq_scan + coalesce(s.idx_scan, 0)), 0),
        4
    ) as idx_scan_ratio,
    pg_catalog.max(
        case
            when m.relfrozenxid <> '0'::xid then pg_catalog.age(m.relfrozenxid)
        end
    ) as frozen_xid_age
from monitoring.table_statistics as s
join pg_catalog.pg_class as m on m.oid = s.relid
join pg_catalog.pg_class as c on c.oid = s.root
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
group by
    n.nspname,
    c.relname
order by seq_tup_read desc;

comment on view monitoring.table_performance is
    'Tables by rows read without an index, partitions rolled up to their parent.';
