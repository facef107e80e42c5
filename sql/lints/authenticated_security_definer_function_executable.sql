-- A function with its owner's rights can be called by every user.
-- @splinter 0029_authenticated_security_definer_function_executable
-- @severity warning
-- @category security
-- @scope database
-- @lane side
-- @risk Whoever held it through PUBLIC only loses it: grant it to those who need it.
-- Ramification: it lies in an exposed schema, so every user may call it
-- through the API. It does what its owner may do, and no policy stops an owner who is
-- not subject to them. PostgreSQL grants EXECUTE on every new function to PUBLIC, so this
-- comes about without anybody's wish.
-- Cure: revoke EXECUTE, or declare the function SECURITY INVOKER where it needs no more
-- than its caller's rights. Functions that only policies and triggers use belong in a
-- schema that is not exposed. Mute the finding where the call is meant, and the function
-- checks who is calling and what with.
select
    'function' as object_type,
    n.nspname::text as schemaname,
    p.proname || '(' || f.arguments || ')' as name,
    pg_catalog.format(
        'function %I.%I(%s) runs with the rights of %I and may be called by %s',
        n.nspname,
        p.proname,
        f.arguments,
        pg_catalog.pg_get_userbyid(p.proowner),
        k.roles
    ) as detail,
    case
        when g.grantees is null then ''
        else pg_catalog.format(
            'revoke execute on routine %I.%I(%s) from %s;',
            n.nspname,
            p.proname,
            f.arguments,
            g.grantees
        )
    end as remedy,
    case
        when g.grantees is null then ''
        else pg_catalog.format(
            'grant execute on routine %I.%I(%s) to %s;',
            n.nspname,
            p.proname,
            f.arguments,
            g.grantees
        )
    end as undo
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
cross join lateral pg_catalog.pg_get_function_identity_arguments(p.oid) as f (arguments)
cross join lateral (
    select
        pg_catalog.array_agg(r.oid) as oids,
        pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ' and ' order by r.rolname) as roles
    from pg_catalog.pg_roles as r
    where r.rolname = any (:'api_roles'::text[])
        and r.rolname <> all (:'anonymous_roles'::text[])
        and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
        and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')
        -- Whoever has the owner's rights anyway gains nothing.
        and not pg_catalog.pg_has_role(r.oid, p.proowner, 'usage')
) as k
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
    from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as a
    where a.privilege_type = 'EXECUTE'
        and (
            a.grantee = 0
            or a.grantee = any (k.oids)
        )
) as g
where p.prosecdef
    and p.prokind in ('f', 'p', 'w')
    -- A trigger's function cannot be called.
    and p.prorettype not in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)
    and n.nspname = any (:'exposed_schemas'::text[])
    and k.roles is not null
order by
    n.nspname,
    p.proname,
    name
