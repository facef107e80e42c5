-- A function resolves names by its caller's search_path.
-- @splinter 0011_function_search_path_mutable
-- @severity warning
-- @category security
-- @scope database
-- @lane side
-- Ramification: whoever calls it decides which schemas are looked in, his temporary one
-- included, for the tables, functions and operators that its body does not qualify. A
-- caller can put his own in their place; in a function that runs with its owner's rights
-- they then run with these. Others break when a connection has another path.
-- Cure: alter function f set search_path = '', with every name in the body qualified,
-- built-in ones excepted. A function written with BEGIN ATOMIC (14 and later) has its
-- names resolved when it is created and needs no setting. A setting keeps SQL functions
-- from being inlined: in those a policy calls, qualify names and prefer BEGIN ATOMIC.
-- Procedures that commit cannot have one and are left out: qualify their names.
select
    'function' as object_type,
    n.nspname::text as schemaname,
    p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')' as name,
    pg_catalog.format(
        'function %I.%I(%s) has no search_path of its own%s',
        n.nspname,
        p.proname,
        pg_catalog.pg_get_function_identity_arguments(p.oid),
        case
            when p.prosecdef then ' and runs with its owner''s rights'
            else ''
        end
    ) as detail,
    '' as remedy,
    '' as undo
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
inner join pg_catalog.pg_language as l on l.oid = p.prolang
where p.prokind in ('f', 'p')
    and l.lanname not in ('c', 'internal')
    -- The body of BEGIN ATOMIC is kept as a tree, and its source is empty.
    and (l.lanname <> 'sql' or p.prosrc <> '')
    and not exists (
        select
        from pg_catalog.unnest(p.proconfig) as s (setting)
        where s.setting like 'search\_path=%'
    )
    -- One that ends transactions cannot have a setting.
    and (
        p.prokind <> 'p'
        or pg_catalog.regexp_replace(p.prosrc, '--[^\n]*|/\*.*?\*/', '', 'g') !~* '\m(commit|rollback)\M'
    )
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> all (:'service_schemas'::text[])
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_proc'::regclass
            and d.objid = p.oid
            and d.deptype = 'e'
    )
order by
    n.nspname,
    p.proname,
    name
