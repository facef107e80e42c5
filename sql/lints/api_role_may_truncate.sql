-- A role of the API may empty or maintain a table.
-- @severity warning
-- @category security
-- @scope database
-- @lane side
-- Ramification: row level security does not apply to these privileges. TRUNCATE removes
-- every row, TRIGGER and REFERENCES let a role attach its own code or keys to a table,
-- MAINTAIN (17 and later) lets it run VACUUM FULL or LOCK TABLE. Nothing the API serves
-- needs them, but a function it can call may use them, and services that grant ALL by
-- default hand them out with every new table.
-- Cure: revoke them, and change the default privileges that gave them:
-- alter default privileges in schema s revoke truncate on tables from anon, authenticated.
select
    'table' as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format(
        'table %I.%I: %s',
        n.nspname,
        c.relname,
        pg_catalog.string_agg(g.grantee || ' may ' || g.privileges, '; ' order by g.grantee)
    ) as detail,
    pg_catalog.string_agg(
        pg_catalog.format('revoke %s on table %I.%I from %s;', g.privileges, n.nspname, c.relname, g.grantee),
        E'\n' order by g.grantee
    ) as remedy,
    pg_catalog.string_agg(
        pg_catalog.format('grant %s on table %I.%I to %s;', g.privileges, n.nspname, c.relname, g.grantee),
        E'\n' order by g.grantee
    ) as undo
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    -- The list of privileges knows MAINTAIN where the server does; asking for it by name
    -- would fail on older ones.
    select
        case a.grantee
            when 0 then 'public'
            else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee))
        end as grantee,
        pg_catalog.string_agg(distinct a.privilege_type, ', ' order by a.privilege_type) as privileges
    from pg_catalog.aclexplode(c.relacl) as a
    where a.privilege_type in ('MAINTAIN', 'REFERENCES', 'TRIGGER', 'TRUNCATE')
        and exists (
            select
            from pg_catalog.pg_roles as r
            where r.rolname = any (:'api_roles'::text[])
                and a.grantee in (0, r.oid)
                and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
        )
    group by a.grantee
) as g
where c.relkind in ('r', 'p', 'f')
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_class'::regclass
            and d.objid = c.oid
            and d.deptype = 'e'
    )
group by
    n.nspname,
    c.relname
order by
    n.nspname,
    c.relname
