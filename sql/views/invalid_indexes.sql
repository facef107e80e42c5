-- Indexes that no query uses although every write pays for them: leftovers of an
-- interrupted CREATE, DROP or REINDEX INDEX CONCURRENTLY. One that is being built
-- right now is listed with is_building and must be left alone.

create or replace view monitoring.invalid_indexes as
select
    n.nspname as schemaname,
    t.relname as tablename,
    c.relname as indexname,
    pg_catalog.pg_size_pretty(size.bytes) as index_size,
    case
        when not state.is_building
            then
                pg_catalog.format(
                    'DROP INDEX CONCURRENTLY %I.%I;',
                    n.nspname,
                    c.relname
                )
    end as drop_statement,
    state.is_building as is_building,
    size.bytes as size_bytes
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_class as t on t.oid = i.indrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    select
        exists (
            select
            from pg_catalog.pg_stat_progress_create_index as p
            where
                p.datname = pg_catalog.current_database()
                and (
                    p.index_relid = i.indexrelid
                    -- Its own session knows the index only after the first phase.
                    or (p.relid = i.indrelid and p.index_relid = 0)
                )
        ) as is_building
) as state
cross join lateral (
    select
        monitoring.relation_bytes(
            i.indexrelid,
            (select monitoring.locked_relations())
        ) as bytes
) as size
where
    c.relkind = 'i'
    and not (i.indisvalid and i.indisready)
    and not monitoring.is_managed_schema(n.nspname)
order by size.bytes desc;

comment on view monitoring.invalid_indexes is
    'Indexes that no query uses although every write pays for them.';
