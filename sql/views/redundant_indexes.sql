-- B-tree indexes whose columns are the first columns of a longer index on the table.
-- Not listed: unique ones and those that back a constraint. The longer index may be
-- slower to scan; compare the sizes before dropping.

create or replace view monitoring.redundant_indexes as
select distinct on (short.size_bytes, short.indexrelid)
    short.schemaname as schemaname,
    short.tablename as tablename,
    short.indexname as indexname,
    long.indexname as covering_index,
    short.idx_scan as idx_scan,
    pg_catalog.pg_size_pretty(short.size_bytes) as index_size,
    pg_catalog.pg_size_pretty(long.size_bytes) as covering_index_size,
    pg_catalog.format(
        case
            when short.is_partitioned then 'DROP INDEX %I.%I;'
            else 'DROP INDEX CONCURRENTLY %I.%I;'
        end,
        short.schemaname,
        short.indexname
    ) as drop_statement,
    short.size_bytes as size_bytes
from monitoring.index_facts as short
join monitoring.index_facts as long
    on long.indrelid = short.indrelid and long.indexrelid <> short.indexrelid
cross join lateral (
    select pg_catalog.cardinality(short.key_columns) as keys
) as length
where
    short.method = 'btree'
    and long.method = 'btree'
    and short.is_valid
    and long.is_valid
    and not short.is_unique
    and not short.is_needed
    and not short.has_included
    and not short.has_expressions
    and not long.has_expressions
    and short.expressions = long.expressions
    and (
        pg_catalog.cardinality(long.key_columns) > length.keys
        or (
            pg_catalog.cardinality(long.key_columns) = length.keys
            and long.has_included
        )
    )
    and long.key_columns[1:length.keys] = short.key_columns
    and long.opclasses[1:length.keys] = short.opclasses
    and long.collations[1:length.keys] = short.collations
    and long.options[1:length.keys] = short.options
order by
    short.size_bytes desc,
    short.indexrelid,
    long.size_bytes;

comment on view monitoring.redundant_indexes is
    'B-tree indexes whose columns are the first columns of a longer index on the table.';
