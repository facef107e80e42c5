-- A policy calls a VOLATILE function.
-- @severity warning
-- @category performance
-- @scope database
-- @lane side
-- Ramification: PostgreSQL evaluates it for every row it looks at, and no
-- comparison with it can use an index. VOLATILE is what a function is that
-- nobody declared otherwise.
-- Cure: declare the function STABLE if it only reads, or IMMUTABLE if it does not
-- even read. If it changes data, it has no place in a policy.
select
    'policy' as object_type,
    n.nspname::text as schemaname,
    c.relname || '.' || p.polname as name,
    pg_catalog.format(
        'policy %I on table %I.%I calls VOLATILE %s',
        p.polname,
        n.nspname,
        c.relname,
        pg_catalog.string_agg(f.name, ' and ' order by f.name)
    ) as detail,
    pg_catalog.string_agg('alter function ' || f.signature || ' stable;', E'\n' order by f.name) as remedy,
    pg_catalog.string_agg('alter function ' || f.signature || ' volatile;', E'\n' order by f.name) as undo
from pg_catalog.pg_policy as p
inner join pg_catalog.pg_class as c on c.oid = p.polrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    select distinct
        pg_catalog.format('%I.%I()', s.nspname, r.proname) as name,
        pg_catalog.format('%I.%I(%s)', s.nspname, r.proname, pg_catalog.pg_get_function_identity_arguments(r.oid)) as signature
    from pg_catalog.pg_depend as d
    inner join pg_catalog.pg_proc as r on r.oid = d.refobjid
    inner join pg_catalog.pg_namespace as s on s.oid = r.pronamespace
    where d.classid = 'pg_catalog.pg_policy'::regclass
        and d.objid = p.oid
        and d.refclassid = 'pg_catalog.pg_proc'::regclass
        and r.provolatile = 'v'
) as f
where c.relrowsecurity
group by
    n.nspname,
    c.relname,
    p.polname
order by
    n.nspname,
    c.relname,
    p.polname
