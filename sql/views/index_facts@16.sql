-- Everything that decides about an index, one row per index of the application's tables.
-- From PostgreSQL 16: with the last scan. A partitioned index stands for its parts:
-- their scans and sizes are added up, and the parts themselves are left out.

create or replace view monitoring.index_facts as
with part as (
    select
        coalesce(pg_catalog.pg_partition_root(i.indexrelid)::oid, i.indexrelid) as root,
        pg_catalog.sum(pg_catalog.pg_stat_get_numscans(i.indexrelid))::bigint as scans,
        pg_catalog.max(pg_catalog.pg_stat_get_lastscan(i.indexrelid)) as last_idx_scan,
        pg_catalog.sum(
            case
                when c.relkind = 'i'
                    then
                        monitoring.relation_bytes(
                            i.indexrelid,
                            (select monitoring.locked_relations())
                        )
                else 0
            end
        )::bigint as size_bytes,
        pg_catalog.bool_and(i.indisvalid) as is_valid
    from pg_catalog.pg_index as i
    join pg_catalog.pg_class as c on c.oid = i.indexrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where not monitoring.is_managed_schema(n.nspname)
    group by 1
)

select
    i.indexrelid as indexrelid,
    i.indrelid as indrelid,
    n.nspname as schemaname,
    t.relname as tablename,
    c.relname as indexname,
    p.scans as idx_scan,
    p.last_idx_scan as last_idx_scan,
    p.size_bytes as size_bytes,
    p.is_valid and i.indisready as is_valid,
    i.indisunique as is_unique,
    c.relkind = 'I' as is_partitioned,
    i.indisprimary
    or i.indisexclusion
    or i.indisreplident
    or i.indisclustered
    or exists (
        select
        from pg_catalog.pg_constraint as k
        where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x', 'f')
    )
    or exists (
        select
        from pg_catalog.pg_depend as d
        where
            d.classid = 'pg_catalog.pg_class'::regclass
            and d.objid in (i.indexrelid, i.indrelid)
            and d.deptype = 'e'
    )
    or coalesce(
        pg_catalog.obj_description(i.indexrelid, 'pg_class') like '%pgvigil:keep%',
        false
    ) as is_needed,
    exists (
        select
        from pg_catalog.pg_constraint as k
        where
            k.conrelid = i.indrelid
            and k.contype = 'f'
            and k.conkey @> keys.columns[1:pg_catalog.cardinality(k.conkey)]
            and k.conkey <@ keys.columns[1:pg_catalog.cardinality(k.conkey)]
    ) as supports_foreign_key,
    i.indexprs is not null as has_expressions,
    keys.columns as key_columns,
    i.indnatts > i.indnkeyatts as has_included,
    pg_catalog.string_to_array(i.indclass::text, ' ') as opclasses,
    pg_catalog.string_to_array(i.indcollation::text, ' ') as collations,
    pg_catalog.string_to_array(i.indoption::text, ' ') as options,
    a.amname as method,
    -- Positions in the text of the creating statement differ; nothing else may.
    pg_catalog.regexp_replace(
        pg_catalog.concat_ws(' where ', i.indexprs::text, i.indpred::text),
        ':location -?\d+',
        '',
        'g'
    ) as expressions,
    pg_catalog.concat_ws(
        ' ',
        i.indkey,
        i.indclass,
        i.indcollation,
        i.indoption,
        i.indnkeyatts,
        -- From PostgreSQL 15.
        pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct'
    ) as shape
from part as p
join pg_catalog.pg_index as i on i.indexrelid = p.root
join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_class as t on t.oid = i.indrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_am as a on a.oid = c.relam
cross join lateral (
    select
        (
            pg_catalog.string_to_array(i.indkey::text, ' ')::smallint[]
        )[1:i.indnkeyatts] as columns
) as keys;

comment on view monitoring.index_facts is
    'Everything that decides about an index, one row per index of the application''s tables.';
