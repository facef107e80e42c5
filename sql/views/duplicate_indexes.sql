-- Indexes that another one equals in method, columns, operators, order and predicate.
-- The one that is kept backs a constraint, is unique, or is used more.

create or replace view monitoring.duplicate_indexes as
with ranked as (
    select
        f.schemaname as schemaname,
        f.tablename as tablename,
        f.indexname as indexname,
        f.idx_scan as idx_scan,
        f.size_bytes as size_bytes,
        f.is_needed as is_needed,
        f.is_unique as is_unique,
        f.is_partitioned as is_partitioned,
        pg_catalog.first_value(f.indexname) over alike as kept_index,
        pg_catalog.first_value(f.is_unique) over alike as kept_is_unique,
        pg_catalog.row_number() over alike as place
    from monitoring.index_facts as f
    where f.is_valid
    window alike as (
        partition by f.indrelid, f.method, f.shape, f.expressions
        order by
            f.is_needed desc,
            f.is_unique desc,
            f.idx_scan desc,
            f.indexrelid
    )
)

select
    r.schemaname as schemaname,
    r.tablename as tablename,
    r.indexname as indexname,
    r.kept_index as kept_index,
    r.idx_scan as idx_scan,
    pg_catalog.pg_size_pretty(r.size_bytes) as index_size,
    pg_catalog.format(
        case
            when r.is_partitioned then 'DROP INDEX %I.%I;'
            else 'DROP INDEX CONCURRENTLY %I.%I;'
        end,
        r.schemaname,
        r.indexname
    ) as drop_statement,
    r.size_bytes as size_bytes
from ranked as r
where
    r.place > 1
    and not r.is_needed
    and (r.kept_is_unique or not r.is_unique)
order by r.size_bytes desc;

comment on view monitoring.duplicate_indexes is
    'Indexes that another one equals in method, columns, operators, order and predicate.';
