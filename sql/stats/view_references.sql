-- Views and what their queries name, one row per view or materialized view.
-- System schemas are left out. Takes no lock on a relation.
-- @interval catalog
-- @scope database
-- @timeout 20s
-- @lane side
select
    c.oid::bigint as oid,
    n.nspname::text as schemaname,
    c.relname::text as relname,
    c.relkind::text as kind,
    pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
    coalesce(o.is_invoker, false) as is_invoker,
    coalesce(o.is_barrier, false) as is_barrier,
    array(
        select distinct d.refobjid::bigint
        from pg_catalog.pg_rewrite as w
        inner join pg_catalog.pg_depend as d
            on d.classid = 'pg_catalog.pg_rewrite'::regclass
            and d.objid = w.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
            and d.refobjid <> c.oid
        where w.ev_class = c.oid
        order by 1
    ) as relations
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    select
        pg_catalog.bool_or(s.option_value::boolean) filter (where s.option_name = 'security_invoker') as is_invoker,
        pg_catalog.bool_or(s.option_value::boolean) filter (where s.option_name = 'security_barrier') as is_barrier
    from pg_catalog.pg_options_to_table(c.reloptions) as s
    where s.option_name in ('security_invoker', 'security_barrier')
) as o
where c.relkind in ('v', 'm')
    and n.nspname not in ('pg_catalog', 'information_schema')
order by c.oid
