-- Functions that policies call, one row per function.
-- What a body calls is known for bodies that were parsed when they were created
-- (BEGIN ATOMIC); others are text to the catalog.
-- Of the built-in functions only those that are VOLATILE are listed. The catalog
-- keeps no dependencies on them, so they are read from the stored trees.
-- @interval catalog
-- @scope database
-- @timeout 20s
-- @lane side
with recursive called (oid) as (
    select d.refobjid
    from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_policy'::regclass
        and d.refclassid = 'pg_catalog.pg_proc'::regclass
    union
    select o.oprcode::oid
    from pg_catalog.pg_depend as d
    inner join pg_catalog.pg_operator as o on o.oid = d.refobjid
    where d.classid = 'pg_catalog.pg_policy'::regclass
        and d.refclassid = 'pg_catalog.pg_operator'::regclass
    union
    select v.oid
    from pg_catalog.pg_policy as p
    cross join lateral pg_catalog.regexp_matches(
        pg_catalog.concat(p.polqual::text, p.polwithcheck::text),
        ':(?:funcid|opfuncid) (\d+)',
        'g'
    ) as m (groups)
    inner join pg_catalog.pg_proc as v on v.oid = m.groups[1]::oid and v.provolatile = 'v'
    union
    select d.refobjid
    from called as c
    inner join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_proc'::regclass
        and d.objid = c.oid
        and d.refclassid = 'pg_catalog.pg_proc'::regclass
)
select
    f.oid::bigint as oid,
    n.nspname::text as schemaname,
    f.proname::text as name,
    pg_catalog.pg_get_function_identity_arguments(f.oid) as arguments,
    pg_catalog.pg_get_userbyid(f.proowner)::text as owner,
    l.lanname::text as language,
    f.provolatile::text as volatility,
    f.prosecdef as is_definer,
    f.proleakproof as is_leakproof,
    (l.lanname = 'sql' and not f.prosecdef and f.proconfig is null and not f.proretset) as is_inlinable,
    f.prokind::text as kind,
    pg_catalog.format_type(f.prorettype, null) as returns,
    f.proretset as returns_set,
    (
        select pg_catalog.substr(s.setting, 13)
        from pg_catalog.unnest(f.proconfig) as s (setting)
        where s.setting like 'search\_path=%'
    ) as search_path,
    coalesce(f.proconfig, '{}') as settings,
    -- The row as JSON, since older servers lack the column of parsed bodies.
    pg_catalog.md5((pg_catalog.to_jsonb(f) - 'proacl')::text) as hash
from called as c
inner join pg_catalog.pg_proc as f on f.oid = c.oid
inner join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
inner join pg_catalog.pg_language as l on l.oid = f.prolang
order by f.oid
