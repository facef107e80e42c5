-- A partition shows the API what its parent's policies hide.
-- @severity critical
-- @category security
-- @scope database
-- @lane side
-- Ramification: policies of a partitioned table guard what is read through it. Whoever
-- may name the partition itself reads it under the partition's own policies; without row
-- level security there are none. The same holds for tables that inherit.
-- Cure: enable row level security on each partition, and on those that are created later:
-- without a policy of its own it shows nothing to those who name it, and the parent works
-- as before. Or revoke what the roles of the API were granted on partitions, or keep
-- these in a schema that they may not use.
with recursive ancestors (relation, ancestor) as (
    select
        i.inhrelid,
        i.inhparent
    from pg_catalog.pg_inherits as i
    union
    select
        a.relation,
        i.inhparent
    from ancestors as a
    inner join pg_catalog.pg_inherits as i on i.inhrelid = a.ancestor
)
select
    'table' as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format(
        'partition %I.%I has no row level security, its parent %s has, and %s may use it',
        n.nspname,
        c.relname,
        g.parents,
        r.names
    ) as detail,
    pg_catalog.format('alter table %I.%I enable row level security;', n.nspname, c.relname) as remedy,
    pg_catalog.format('alter table %I.%I disable row level security;', n.nspname, c.relname) as undo
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    select pg_catalog.string_agg(pg_catalog.format('%I.%I', s.nspname, p.relname), ' and ' order by p.oid) as parents
    from ancestors as a
    inner join pg_catalog.pg_class as p on p.oid = a.ancestor
    inner join pg_catalog.pg_namespace as s on s.oid = p.relnamespace
    where a.relation = c.oid
        and p.relrowsecurity
) as g
cross join lateral (
    select pg_catalog.string_agg(pg_catalog.quote_ident(o.rolname), ' and ' order by o.rolname) as names
    from pg_catalog.pg_roles as o
    where o.rolname = any (:'api_roles'::text[])
        and not (o.rolsuper or o.rolbypassrls)
        and pg_catalog.has_schema_privilege(o.oid, n.oid, 'usage')
        and (
            pg_catalog.has_any_column_privilege(o.oid, c.oid, 'select, insert, update')
            or pg_catalog.has_table_privilege(o.oid, c.oid, 'delete')
        )
) as r
where c.relkind in ('r', 'p', 'f')
    and not c.relrowsecurity
    and g.parents is not null
    and r.names is not null
order by
    n.nspname,
    c.relname
