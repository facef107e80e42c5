-- Indexes whose catalog entry changed since the version known, one row per index.
-- As for tables. Names of tables, schemas and columns come from there; expressions
-- and definitions are read apart, because deparsing them locks the table.
-- @interval catalog
-- @scope database
-- @timeout 20s
-- @lane side
with present as (
    select
        i.indexrelid as oid,
        31 * (pg_catalog.age(i.xmin) - pg_catalog.age('3'::xid)::bigint)
        + 37 * (pg_catalog.age(c.xmin) - pg_catalog.age('3'::xid)::bigint)
        + 41 * coalesce(pg_catalog.age(d.xmin) - pg_catalog.age('3'::xid)::bigint, 0)
        + 43 * coalesce(pg_catalog.age(o.xmin) - pg_catalog.age('3'::xid)::bigint, 0) as structure,
        47 * c.relpages::bigint as size,
        coalesce(o.conname::text, '') as constraint,
        coalesce(d.description, '') as comment
    from pg_catalog.pg_index as i
    inner join pg_catalog.pg_class as c on c.oid = i.indexrelid
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    left join pg_catalog.pg_description as d
        on d.objoid = i.indexrelid
        and d.classoid = 'pg_catalog.pg_class'::regclass
        and d.objsubid = 0
    left join pg_catalog.pg_constraint as o
        on o.conindid = i.indexrelid
        and o.contype in ('p', 'u', 'x')
    where c.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
),
changed as materialized (
    select
        coalesce(p.oid, k.oid) as oid,
        p.structure + p.size as version,
        p.structure,
        p.constraint,
        p.comment
    from present as p
    full join (
        select
            w.oid,
            w.version
        from rows from (
            pg_catalog.unnest(:'oids'::oid[]),
            pg_catalog.unnest(:'versions'::bigint[])
        ) as w (oid, version)
    ) as k on k.oid = p.oid
    where p.structure + p.size is distinct from k.version
    limit 3000
)
select
    h.oid::bigint as oid,
    h.version as version,
    h.structure as structure,
    i.indrelid::bigint as relid,
    c.relname::text as indexrelname,
    m.amname::text as method,
    i.indkey::integer[] as attnums,
    i.indnkeyatts::integer as key_columns,
    array(
        select p.opcname::text
        from pg_catalog.unnest(i.indclass) with ordinality as k (oid, position)
        inner join pg_catalog.pg_opclass as p on p.oid = k.oid
        order by k.position
    ) as opclasses,
    array(
        select coalesce(l.collname::text, '')
        from pg_catalog.unnest(i.indcollation) with ordinality as k (oid, position)
        left join pg_catalog.pg_collation as l on l.oid = k.oid
        order by k.position
    ) as collations,
    i.indoption::integer[] as options,
    i.indexprs is not null as has_expressions,
    i.indpred is not null as has_predicate,
    i.indisunique as is_unique,
    i.indisprimary as is_primary,
    i.indisexclusion as is_exclusion,
    i.indisvalid as is_valid,
    i.indisready as is_ready,
    i.indisreplident as is_replica_identity,
    i.indisclustered as is_clustered,
    c.relispartition as is_partition,
    coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) as nulls_not_distinct,
    h.constraint as constraint,
    coalesce(
        (
            select e.extname::text
            from pg_catalog.pg_depend as d
            inner join pg_catalog.pg_extension as e on e.oid = d.refobjid
            where d.classid = 'pg_catalog.pg_class'::regclass
                and d.objid = i.indrelid
                and d.refclassid = 'pg_catalog.pg_extension'::regclass
                and d.deptype = 'e'
            limit 1
        ),
        ''
    ) as extension,
    h.comment as comment,
    greatest(c.relpages, 0) as relpages
from changed as h
left join pg_catalog.pg_index as i on i.indexrelid = h.oid and h.version is not null
-- One look-up for each changed index: a hash of all of pg_class would spill.
left join lateral (
    select
        r.relname,
        r.relam,
        r.relispartition,
        r.relpages
    from pg_catalog.pg_class as r
    where r.oid = i.indexrelid
    offset 0
) as c on true
left join pg_catalog.pg_am as m on m.oid = c.relam
