-- A foreign table is open to the API.
-- @splinter 0017_foreign_table_in_api
-- @severity warning
-- @category security
-- @scope database
-- @lane side
-- @risk Requests that read the foreign table fail afterwards.
-- Ramification: it lies in an exposed schema and a role of the API may select from it. No
-- policy can be made for a foreign table, and the other server sees the login of the user
-- mapping, not who is asking: each request can read all of it.
-- Cure: revoke SELECT from the roles of the API, or move it to a schema that is not
-- exposed, and serve its rows by a function that filters them by who is asking.
select
    'foreign table' as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format('foreign table %I.%I shows all of its rows to %s', n.nspname, c.relname, s.roles) as detail,
    case
        when g.grantees is null then ''
        else pg_catalog.format('revoke select on table %I.%I from %s;', n.nspname, c.relname, g.grantees)
    end as remedy,
    case
        when g.grantees is null then ''
        else pg_catalog.format('grant select on table %I.%I to %s;', n.nspname, c.relname, g.grantees)
    end as undo
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    select
        pg_catalog.array_agg(r.oid) as oids,
        pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ' and ' order by r.rolname) as roles
    from pg_catalog.pg_roles as r
    where r.rolname = any (:'api_roles'::text[])
        and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
        and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'select')
) as s
cross join lateral (
    select
        pg_catalog.string_agg(
            case a.grantee
                when 0 then 'public'
                else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee))
            end,
            ', '
            order by a.grantee
        ) as grantees
    from pg_catalog.aclexplode(c.relacl) as a
    where a.privilege_type = 'SELECT'
        and (
            a.grantee = 0
            or a.grantee = any (s.oids)
        )
) as g
where c.relkind = 'f'
    and n.nspname = any (:'exposed_schemas'::text[])
    and s.roles is not null
order by
    n.nspname,
    c.relname
