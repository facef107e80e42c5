-- Indexes that nothing has used and nothing needs, with the statement that drops each.
-- With a daemon (source = 'daemon') these are its findings, which know uninterrupted
-- windows and the standbys. Without one (source = 'catalog') the counters speak alone:
-- they do not know use on standbys nor when the index was made, and they are believed
-- only after 14 days without a reset (set pgvigil.observation_window = '30 days').

create or replace view monitoring.unused_indexes as
select
    f.schemaname as schemaname,
    f.tablename as tablename,
    f.indexname as indexname,
    f.idx_scan as idx_scan,
    pg_catalog.pg_size_pretty(f.size_bytes) as index_size,
    coalesce(
        daemon.remedy_sql,
        pg_catalog.format(
            case
                when f.is_partitioned then 'DROP INDEX %I.%I;'
                else 'DROP INDEX CONCURRENTLY %I.%I;'
            end,
            f.schemaname,
            f.indexname
        )
    ) as drop_statement,
    f.size_bytes as size_bytes,
    f.last_idx_scan as last_idx_scan,
    since.statistics as observed_since,
    case when since.reporter is null then 'catalog' else 'daemon' end as source
from monitoring.index_facts as f
cross join (
    select
        monitoring.statistics_since() as statistics,
        monitoring.reporting_target('findings') as reporter,
        coalesce(
            nullif(
                pg_catalog.current_setting('pgvigil.observation_window', true),
                ''
            ),
            '14 days'
        )::interval as wanted
) as since
left join monitoring.open_findings('unused_index') as daemon
    on daemon.schemaname = f.schemaname and daemon.objname = f.indexname
where
    case
        when since.reporter is not null then daemon.remedy_sql is not null
        else
            f.idx_scan = 0
            and f.last_idx_scan is null
            and f.is_valid
            and not f.is_unique
            and not f.is_needed
            and not f.supports_foreign_key
            -- An expression index also gives the planner statistics.
            and not f.has_expressions
            and since.statistics <= pg_catalog.now() - since.wanted
    end
order by f.size_bytes desc;

comment on view monitoring.unused_indexes is
    'Indexes that nothing has used and nothing needs, with the statement that drops each.';
