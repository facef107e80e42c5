-- A policy that asks who the user is applies to anonymous requests, too.
-- @severity warning
-- @category performance
-- @scope database
-- @lane side
-- Ramification: without TO a policy is for every role. Requests that need no login pay
-- for it on every row: measured on 100,000 rows, over 10,000 times the time of a policy
-- that does not concern them. Nor is it plain that they were meant to see something.
-- Reported are policies that read a setting or call a function which is not built in, on
-- tables that a role for anonymous requests may use.
-- Cure: name the roles that the policy is for: alter policy p on t to authenticated.
-- Where anonymous requests should see rows, give them a policy of their own.
select
    'policy' as object_type,
    n.nspname::text as schemaname,
    c.relname || '.' || p.polname as name,
    pg_catalog.format(
        'policy %I on table %I.%I has no TO and applies to %s, too',
        p.polname,
        n.nspname,
        c.relname,
        a.names
    ) as detail,
    case
        when o.names is null then ''
        else pg_catalog.format('alter policy %I on %I.%I to %s;', p.polname, n.nspname, c.relname, o.names)
    end as remedy,
    case
        when o.names is null then ''
        else pg_catalog.format('alter policy %I on %I.%I to public;', p.polname, n.nspname, c.relname)
    end as undo
from pg_catalog.pg_policy as p
inner join pg_catalog.pg_class as c on c.oid = p.polrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    select pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ' and ' order by r.rolname) as names
    from pg_catalog.pg_roles as r
    where r.rolname = any (:'anonymous_roles'::text[])
        and not (r.rolsuper or r.rolbypassrls)
        and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
        and (
            (p.polcmd in ('r', '*') and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'select'))
            or (p.polcmd in ('a', '*') and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'insert'))
            or (p.polcmd in ('w', '*') and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'update'))
            or (p.polcmd in ('d', '*') and pg_catalog.has_table_privilege(r.oid, c.oid, 'delete'))
        )
) as a
cross join lateral (
    select pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ', ' order by r.rolname) as names
    from pg_catalog.pg_roles as r
    where r.rolname = any (:'api_roles'::text[])
        and r.rolname <> all (:'anonymous_roles'::text[])
) as o
where c.relrowsecurity
    and p.polroles = array[0]::oid[]
    and a.names is not null
    and (
        exists (
            select
            from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_policy'::regclass
                and d.objid = p.oid
                and d.refclassid = 'pg_catalog.pg_proc'::regclass
        )
        -- The catalog keeps no dependencies on what is built in.
        or pg_catalog.concat(p.polqual::text, p.polwithcheck::text) ~ pg_catalog.format(
            ':funcid (%s|%s) ',
            'pg_catalog.current_setting(text)'::regprocedure::oid,
            'pg_catalog.current_setting(text, boolean)'::regprocedure::oid
        )
    )
order by
    n.nspname,
    c.relname,
    p.polname
