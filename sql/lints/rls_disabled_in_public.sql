-- A table that the API can reach has no row level security.
-- @splinter 0013_rls_disabled_in_public
-- @severity critical
-- @category security
-- @scope database
-- @lane side
-- @lock AccessExclusiveLock
-- @risk Roles for which no policy applies see nothing afterwards: create the policies first.
-- Ramification: its schema is exposed and a role of the API holds privileges on it, so
-- each request may do to every row what the privileges say. Nothing else stands between
-- a client and the table.
-- Cure: write a policy for each role and command the application needs, then enable row
-- level security. Revoke the privileges instead where the API has no business with the
-- table. A partition needs its own: policies of its parent do not apply to whoever names
-- the partition.
select
    'table' as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format(
        'table %I.%I has no row level security: %s',
        n.nspname,
        c.relname,
        pg_catalog.string_agg(g.grantee || ' may ' || g.privileges, '; ' order by g.grantee)
    ) as detail,
    pg_catalog.format('alter table %I.%I enable row level security;', n.nspname, c.relname) as remedy,
    pg_catalog.format('alter table %I.%I disable row level security;', n.nspname, c.relname) as undo
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    select
        pg_catalog.quote_ident(r.rolname) as grantee,
        pg_catalog.string_agg(p.name, ', ' order by p.name) as privileges
    from pg_catalog.pg_roles as r
    cross join (
        values
            ('delete'),
            ('insert'),
            ('select'),
            ('update')
    ) as p (name)
    where r.rolname = any (:'api_roles'::text[])
        and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
        -- There is no privilege to delete some columns, and asking for one fails.
        and case p.name
            when 'delete' then pg_catalog.has_table_privilege(r.oid, c.oid, p.name)
            else pg_catalog.has_any_column_privilege(r.oid, c.oid, p.name)
        end
    group by r.rolname
) as g
where c.relkind in ('r', 'p')
    and not c.relrowsecurity
    and n.nspname = any (:'exposed_schemas'::text[])
group by
    n.nspname,
    c.relname
order by
    n.nspname,
    c.relname
