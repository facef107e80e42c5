-- Foreign keys, one row per key; those that a partition inherits are left out.
-- @interval catalog
-- @scope database
-- @timeout 20s
-- @lane side
select
    o.oid::bigint as oid,
    o.conname::text as name,
    o.conrelid::bigint as relid,
    array(
        select a.attname::text
        from pg_catalog.unnest(o.conkey) with ordinality as k (attnum, position)
        inner join pg_catalog.pg_attribute as a on a.attrelid = o.conrelid and a.attnum = k.attnum
        order by k.position
    ) as columns,
    o.confrelid::bigint as referenced_relid,
    array(
        select a.attname::text
        from pg_catalog.unnest(o.confkey) with ordinality as k (attnum, position)
        inner join pg_catalog.pg_attribute as a on a.attrelid = o.confrelid and a.attnum = k.attnum
        order by k.position
    ) as referenced_columns
from pg_catalog.pg_constraint as o
inner join pg_catalog.pg_class as c on c.oid = o.conrelid
where o.contype = 'f'
    and o.conparentid = 0
    and c.relpersistence <> 't'
order by o.oid
