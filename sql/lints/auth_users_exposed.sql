-- A view shows the API the accounts of the authentication service.
-- @splinter 0002_auth_users_exposed
-- @severity critical
-- @category security
-- @scope database
-- @lane side
-- @risk Requests that read the view fail afterwards.
-- Ramification: it lies in an exposed schema, a role of the API may select from it, and it
-- reads auth.users without any policy: addresses, telephone numbers and times of sign-in
-- of all users, or whatever of it the view selects.
-- Cure: revoke SELECT on the view. Copy what others may know about users, such as a name,
-- into a table of your own with policies, by a trigger on auth.users. On 15 and later a
-- view with security_invoker, together with row level security and a policy on
-- auth.users, shows each user what the policy allows.
with recursive
api_roles as (
    select
        r.oid,
        r.rolname
    from pg_catalog.pg_roles as r
    where r.rolname = any (:'api_roles'::text[])
),
views as (
    select
        c.oid,
        c.relkind,
        c.relname,
        c.relowner,
        c.relacl,
        n.oid as schema,
        n.nspname,
        exists (
            select
            from pg_catalog.pg_options_to_table(c.reloptions) as o
            where o.option_name = 'security_invoker'
                and o.option_value::boolean
        ) as is_invoker
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm')
        and n.nspname !~ '^pg_'
        and n.nspname <> 'information_schema'
),
reads as (
    select distinct
        v.oid as view,
        d.refobjid as relation
    from views as v
    inner join pg_catalog.pg_rewrite as r
        on r.ev_class = v.oid
        and r.rulename = '_RETURN'
    inner join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_rewrite'::regclass
        and d.objid = r.oid
        and d.refclassid = 'pg_catalog.pg_class'::regclass
        and d.refobjid <> v.oid
),
-- On whose behalf a statement runs, and with whose rights each view reads: its owner's,
-- or with security_invoker those of the former. A materialized view is both.
walk as (
    select
        v.oid as view,
        a.oid as role,
        case v.relkind
            when 'm' then v.relowner
            else a.oid
        end as runs_as,
        case
            when v.is_invoker then a.oid
            else v.relowner
        end as reader,
        r.relation
    from views as v
    inner join reads as r on r.view = v.oid
    inner join api_roles as a
        on pg_catalog.has_schema_privilege(a.oid, v.schema, 'usage')
        and pg_catalog.has_any_column_privilege(a.oid, v.oid, 'select')
    where v.nspname = any (:'exposed_schemas'::text[])
    union
    select
        w.view,
        w.role,
        case v.relkind
            when 'm' then v.relowner
            else w.runs_as
        end as runs_as,
        case
            when v.is_invoker then w.runs_as
            else v.relowner
        end as reader,
        r.relation
    from walk as w
    inner join views as v on v.oid = w.relation
    inner join reads as r on r.view = v.oid
),
shown as (
    select
        w.view,
        pg_catalog.array_agg(distinct w.role) as roles
    from walk as w
    inner join pg_catalog.pg_class as u on u.oid = w.relation
    inner join pg_catalog.pg_namespace as n on n.oid = u.relnamespace
    inner join pg_catalog.pg_roles as o on o.oid = w.reader
    where n.nspname = 'auth'
        and u.relname = 'users'
        and pg_catalog.has_any_column_privilege(o.oid, u.oid, 'select')
        and (
            not u.relrowsecurity
            or o.rolsuper
            or o.rolbypassrls
            or (
                not u.relforcerowsecurity
                and pg_catalog.pg_has_role(o.oid, u.relowner, 'usage')
            )
        )
    group by w.view
)
select
    k.kind as object_type,
    v.nspname::text as schemaname,
    v.relname::text as name,
    pg_catalog.format(
        '%s %I.%I shows accounts of auth.users to %s',
        k.kind,
        v.nspname,
        v.relname,
        g.roles
    ) as detail,
    case
        when h.grantees is null then ''
        else pg_catalog.format('revoke select on table %I.%I from %s;', v.nspname, v.relname, h.grantees)
    end as remedy,
    case
        when h.grantees is null then ''
        else pg_catalog.format('grant select on table %I.%I to %s;', v.nspname, v.relname, h.grantees)
    end as undo
from shown as s
inner join views as v on v.oid = s.view
inner join (
    values
        ('m', 'materialized view'),
        ('v', 'view')
) as k (code, kind) on k.code = v.relkind::text
cross join lateral (
    select pg_catalog.string_agg(pg_catalog.quote_ident(a.rolname), ' and ' order by a.rolname) as roles
    from api_roles as a
    where a.oid = any (s.roles)
) as g
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
    from pg_catalog.aclexplode(v.relacl) as a
    where a.privilege_type = 'SELECT'
        and (
            a.grantee = 0
            or a.grantee = any (s.roles)
        )
) as h
order by
    v.nspname,
    v.relname
