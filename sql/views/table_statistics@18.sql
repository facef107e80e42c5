-- Statistics of the application's tables, one row per table or partition.
-- From PostgreSQL 18: time spent on vacuuming and analyzing, in milliseconds.

create or replace view monitoring.table_statistics as
select
    s.relid as relid,
    coalesce(pg_catalog.pg_partition_root(s.relid)::oid, s.relid) as root,
    s.seq_scan as seq_scan,
    s.last_seq_scan as last_seq_scan,
    s.seq_tup_read as seq_tup_read,
    s.idx_scan as idx_scan,
    s.last_idx_scan as last_idx_scan,
    s.idx_tup_fetch as idx_tup_fetch,
    s.n_tup_ins as n_tup_ins,
    s.n_tup_upd as n_tup_upd,
    s.n_tup_del as n_tup_del,
    s.n_tup_hot_upd as n_tup_hot_upd,
    s.n_tup_newpage_upd as n_tup_newpage_upd,
    s.n_live_tup as n_live_tup,
    s.n_dead_tup as n_dead_tup,
    s.n_mod_since_analyze as n_mod_since_analyze,
    s.n_ins_since_vacuum as n_ins_since_vacuum,
    s.last_vacuum as last_vacuum,
    s.last_autovacuum as last_autovacuum,
    s.last_analyze as last_analyze,
    s.last_autoanalyze as last_autoanalyze,
    s.total_vacuum_time as total_vacuum_time,
    s.total_autovacuum_time as total_autovacuum_time,
    s.total_analyze_time as total_analyze_time,
    s.total_autoanalyze_time as total_autoanalyze_time
from pg_catalog.pg_stat_user_tables as s
where not monitoring.is_managed_schema(s.schemaname);

comment on view monitoring.table_statistics is
    'Statistics of the application''s tables, one row per table or partition.';
