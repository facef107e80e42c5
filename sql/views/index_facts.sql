-- Everything that decides about an index, one row per index of the application's tables.
-- last_idx_scan is NULL before PostgreSQL 16. A partitioned index stands for its parts:
-- their scans and sizes are added up, and the parts themselves are left out.

create or replace view monitoring.index_facts as
select
    i.indexrelid as indexrelid,
    i.indrelid as indrelid,
    n.nspname as schemaname,
    t.relname as tablename,
    c.relname as indexname,
    case
        when c.relkind = 'I'
            then (
                select pg_catalog.sum(pg_catalog.pg_stat_get_numscans(p.oid))::bigint
                from monitoring.index_parts(i.indexrelid) as p (oid)
            )
        else pg_catalog.pg_stat_get_numscans(i.indexrelid)
    end as idx_scan,
    null::timestamptz as last_idx_scan,
    case
        when c.relkind = 'I'
            then (
                select
                    pg_catalog.sum(
                        monitoring.relation_bytes(
                            p.oid,
                            (select monitoring.locked_relations())
                        )
                    )::bigint
                from monitoring.index_parts(i.indexrelid) as p (oid)
            )
        else
            monitoring.relation_bytes(
                i.indexrelid,
                (select monitoring.locked_relations())
            )
    end as size_bytes,
    i.indisvalid and i.indisready as is_valid,
    i.indisunique as is_unique,
    c.relkind = 'I' as is_partitioned,
    i.indisprimary
    or i.indisexclusion
    or i.indisreplident
    or i.indisclustered
    -- By pg_depend: pg_constraint has no index on conindid.
    or exists (
        select
        from pg_catalog.pg_depend as d
        where
            d.classid = 'pg_catalog.pg_class'::regclass
            and d.objid = i.indexrelid
            and d.refclassid = 'pg_catalog.pg_constraint'::regclass
    )
    or exists (
        select
        from pg_catalog.pg_depend as d
        where
            d.refclassid = 'pg_catalog.pg_class'::regclass
            and d.refobjid = i.indexrelid
            and d.classid = 'pg_catalog.pg_constraint'::regclass
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
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_class as t on t.oid = i.indrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_am as a on a.oid = c.relam
cross join lateral (
    select
        (
            pg_catalog.string_to_array(i.indkey::text, ' ')::smallint[]
        )[1:i.indnkeyatts] as columns
) as keys
where
    not c.relispartition
    and not monitoring.is_managed_schema(n.nspname);

comment on view monitoring.index_facts is
    'Everything that decides about an index, one row per index of the application''s tables.';
