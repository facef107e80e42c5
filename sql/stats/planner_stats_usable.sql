-- Whether monitoring.planner_stats() is here and may be called, one row.
-- It must belong to pgvigil_owner, a superuser or ourselves: anybody with CREATE on the
-- database could have made a function of that name.
-- @interval sizes
-- @scope database
-- @lane side
select
    exists (
        select
        from pg_catalog.pg_proc as p
        inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
        inner join pg_catalog.pg_roles as r on r.oid = p.proowner
        where n.nspname = 'monitoring'
            and p.proname = 'planner_stats'
            and p.proargtypes[0] = 'oid[]'::regtype
            and p.pronargs = 1
            and (r.rolsuper or r.rolname in ('pgvigil_owner', current_user))
            and pg_catalog.has_schema_privilege(n.oid, 'usage')
            and pg_catalog.has_function_privilege(p.oid, 'execute')
    ) as is_usable
