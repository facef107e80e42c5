-- Row level security of ordinary tables, one row per schema.
-- Reads the catalogs without touching a relation.
-- @scope database
-- @lane side
select
    n.nspname::text as schemaname,                                        -- Schema.
    pg_catalog.count(*) as tables,                                        -- Tables.
    pg_catalog.count(*) filter (where c.relrowsecurity) as enabled_tables,       -- Tables with row level security.
    pg_catalog.count(*) filter (where c.relforcerowsecurity) as forced_tables,   -- Tables whose owner is subject to it, too.
    pg_catalog.count(*) filter (where c.relrowsecurity and p.policies is null) as closed_tables,        -- Tables with row level security and no policy: nobody sees a row.
    pg_catalog.count(*) filter (where not c.relrowsecurity and p.policies > 0) as ineffective_tables,   -- Tables with policies that are not in force.
    coalesce(pg_catalog.sum(p.policies), 0)::bigint as policies           -- Policies.
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join (
    select
        p.polrelid,
        pg_catalog.count(*) as policies
    from pg_catalog.pg_policy as p
    group by p.polrelid
) as p on p.polrelid = c.oid
where c.relkind in ('r', 'p')
    and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
group by n.nspname
