-- A table has no primary key.
-- @splinter 0004_no_primary_key
-- @severity info
-- @category performance
-- @scope database
-- @lane side
-- Ramification: nothing tells its rows apart. Two rows may be the same, one of them cannot
-- be named in UPDATE or DELETE, and logical replication refuses both without another
-- replica identity. Foreign keys, upserts and the API's way of naming a row need a key.
-- Cure: alter table t add primary key (columns) where columns are unique and not null
-- already: create unique index concurrently first, then add primary key using index. Else
-- add an identity column. Mute the finding for tables that only ever take rows in.
select
    'table' as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format('table %I.%I has no primary key', n.nspname, c.relname) as detail,
    '' as remedy,
    '' as undo
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
    -- A partition has its parent's.
    and not c.relispartition
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> all (:'service_schemas'::text[])
    -- Our own figures over time: rows are only added, and none is named alone.
    and n.nspname <> 'monitoring'
    and not exists (
        select
        from pg_catalog.pg_index as i
        where i.indrelid = c.oid
            and i.indisprimary
    )
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_class'::regclass
            and d.objid = c.oid
            and d.deptype = 'e'
    )
order by
    n.nspname,
    c.relname
