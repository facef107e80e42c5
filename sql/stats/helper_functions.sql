-- Functions that policies call and that run with their owner's rights, with bodies
-- and counters, one row per function.
-- The planner never inlines them, so the server can count their calls, if
-- track_functions says so. Time includes what they call. A body that was parsed when
-- the function was created (BEGIN ATOMIC) has no text and is empty.
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
    select d.refobjid
    from called as c
    inner join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_proc'::regclass
        and d.objid = c.oid
        and d.refclassid = 'pg_catalog.pg_proc'::regclass
)
select
    f.oid::bigint as oid,
    pg_catalog.format(
        '%I.%I(%s)',
        n.nspname,
        f.proname,
        pg_catalog.pg_get_function_identity_arguments(f.oid)
    ) as function,
    pg_catalog.pg_get_userbyid(f.proowner)::text as owner,
    pg_catalog.left(f.prosrc, 20000) as body,
    pg_catalog.pg_stat_get_function_calls(f.oid) as calls_total,
    pg_catalog.pg_stat_get_function_total_time(f.oid) / 1000 as exec_time_seconds_total
from called as c
inner join pg_catalog.pg_proc as f on f.oid = c.oid
inner join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where f.prosecdef
order by f.oid
