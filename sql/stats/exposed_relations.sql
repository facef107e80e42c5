-- Relations of the schemas that requests can name, with what roles of the API may do.
-- Whether by a grant to them, to PUBLIC, through a membership or on single columns.
-- What an extension brought along is left out.
-- @interval catalog
-- @scope database
-- @timeout 20s
-- @lane side
select
    c.oid::bigint as oid,
    n.nspname::text as schemaname,
    c.relname::text as relname,
    c.relkind::text as kind,
    c.relrowsecurity as has_rls,
    array(
        select r.rolname || '=' || p.privilege
        from pg_catalog.pg_roles as r
        cross join (
            values
                ('delete'),
                ('insert'),
                ('select'),
                ('update')
        ) as p (privilege)
        where r.rolname = any (:'api_roles'::text[])
            and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
            -- There is no DELETE on a column.
            and case p.privilege
                when 'delete' then pg_catalog.has_table_privilege(r.oid, c.oid, p.privilege)
                else pg_catalog.has_any_column_privilege(r.oid, c.oid, p.privilege)
            end
        order by 1
    ) as privileges
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname = any (:'exposed_schemas'::text[])
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_class'::regclass
            and d.objid = c.oid
            and d.deptype = 'e'
    )
order by c.oid
