-- GraphQL shows the shape of a relation to every user.
-- @splinter 0027_pg_graphql_authenticated_table_exposed
-- @severity warning
-- @category security
-- @scope database
-- @lane side
-- @risk Requests that read the relation fail afterwards.
-- Ramification: extension pg_graphql describes every relation that a role may select
-- from, with its columns, types and references, to every user who asks. Row level
-- security hides rows, not this.
-- Cure: drop extension pg_graphql where GraphQL is not used. Otherwise revoke SELECT from
-- the role on what it need not know, and change the default privileges that give it on
-- new tables. Mute the finding for relations that are meant to be known.
select
    k.kind as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format(
        'GraphQL shows the columns of %s %I.%I to %s',
        k.kind,
        n.nspname,
        c.relname,
        s.roles
    ) as detail,
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
-- It leaves out partitioned tables, but not their partitions.
inner join (
    values
        ('f', 'foreign table'),
        ('m', 'materialized view'),
        ('r', 'table'),
        ('v', 'view')
) as k (code, kind) on k.code = c.relkind::text
cross join lateral (
    select
        pg_catalog.array_agg(r.oid) as oids,
        pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ' and ' order by r.rolname) as roles
    from pg_catalog.pg_roles as r
    where r.rolname = any (:'api_roles'::text[])
        and r.rolname <> all (:'anonymous_roles'::text[])
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
where n.nspname = any (:'exposed_schemas'::text[])
    and s.roles is not null
    and exists (
        select
        from pg_catalog.pg_extension as e
        where e.extname = 'pg_graphql'
    )
order by
    n.nspname,
    c.relname
