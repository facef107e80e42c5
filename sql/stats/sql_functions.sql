-- Functions in language SQL, with what they read, one row per function.
-- The server puts the body of such a function in its caller's place, or runs it with
-- the caller's rights: what it reads is read under the caller's policies. A body that
-- was parsed when the function was created (BEGIN ATOMIC) has no text; the catalog
-- knows its relations. Functions of the system and of extensions are left out.
-- @interval catalog
-- @scope database
-- @timeout 20s
-- @lane side
select
    f.oid::bigint as oid,
    n.nspname::text as schemaname,
    f.proname::text as name,
    pg_catalog.pg_get_userbyid(f.proowner)::text as owner,
    f.prosecdef as is_definer,
    (
        select pg_catalog.substr(s.setting, 13)
        from pg_catalog.unnest(f.proconfig) as s (setting)
        where s.setting like 'search\_path=%'
    ) as search_path,
    pg_catalog.left(f.prosrc, 20000) as body,
    array(
        select distinct d.refobjid::bigint
        from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_proc'::regclass
            and d.objid = f.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
        order by 1
    ) as relations
from pg_catalog.pg_proc as f
inner join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
inner join pg_catalog.pg_language as l on l.oid = f.prolang
where l.lanname = 'sql'
    and n.nspname not in ('pg_catalog', 'information_schema')
    and not exists (
        select
        from pg_catalog.pg_depend as e
        where e.classid = 'pg_catalog.pg_proc'::regclass
            and e.objid = f.oid
            and e.deptype = 'e'
    )
order by f.oid
limit 5000
