-- A policy reads the table it protects.
-- @severity critical
-- @category security
-- @scope database
-- @lane side
-- Ramification: to read the table inside the policy PostgreSQL must apply the policy
-- again. It refuses every statement the policy applies to with SQLSTATE 42P17, infinite
-- recursion detected in policy. Policies of two tables that read each other do the same.
-- Cure: look the rows up in a function that runs with its owner's rights and a fixed
-- search_path, in a schema that is not exposed; call it as (select schema.function()).
-- Its owner must not be subject to the policies: a role with BYPASSRLS, or the owner of
-- a table without FORCE.
with recursive
-- Policies with a sub-select of any kind: PostgreSQL looks for recursion only in these.
policies as (
    select
        p.oid,
        p.polrelid,
        p.polname,
        p.polqual::text as using_tree,
        p.polwithcheck::text as check_tree,
        p.polroles,
        p.polcmd in ('r', '*') and p.polqual is not null as is_for_reading
    from pg_catalog.pg_policy as p
    inner join pg_catalog.pg_class as c on c.oid = p.polrelid
    where c.relrowsecurity
        and pg_catalog.concat(p.polqual::text, p.polwithcheck::text) like '%{SUBLINK %'
),
-- Spaces inside names are escaped there, so no name can look like these two fields.
reads as (
    select distinct
        p.oid,
        p.polrelid,
        p.polroles,
        p.is_for_reading and e.is_using as is_for_reading,
        m.groups[1]::oid as relation
    from policies as p
    cross join lateral (
        values
            (p.using_tree, true),
            (p.check_tree, false)
    ) as e (tree, is_using)
    cross join lateral pg_catalog.regexp_matches(e.tree, ':rtekind 0 :relid (\d+)', 'g') as m (groups)
),
-- Zero is whoever no policy names.
roles as (
    select 0::oid as oid
    union all
    select r.oid
    from pg_catalog.pg_roles as r
    where not r.rolsuper
        and not r.rolbypassrls
        and exists (
            select
            from policies as p
            where r.oid = any (p.polroles)
        )
),
-- What is read on behalf of a policy is read under the policies for SELECT.
walk as (
    select
        o.oid as role,
        r.oid as policy,
        r.polrelid as origin,
        r.relation as via,
        r.relation
    from reads as r
    inner join roles as o on r.polroles && array[0, o.oid]::oid[]
    union
    select
        w.role,
        w.policy,
        w.origin,
        w.via,
        r.relation
    from walk as w
    inner join reads as r
        on r.polrelid = w.relation
        and r.is_for_reading
        and r.polroles && array[0, w.role]::oid[]
    where w.relation <> w.origin
),
recursions as (
    select
        w.policy,
        pg_catalog.bool_or(w.via = w.origin) as is_direct,
        pg_catalog.min(pg_catalog.format('%I.%I', n.nspname, c.relname)) as via
    from walk as w
    inner join pg_catalog.pg_class as c on c.oid = w.via
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where w.relation = w.origin
        and exists (
            select
            from policies as p
            where p.polrelid = w.origin
                and p.is_for_reading
                and p.polroles && array[0, w.role]::oid[]
        )
    group by w.policy
)
select
    'policy' as object_type,
    n.nspname::text as schemaname,
    c.relname || '.' || p.polname as name,
    pg_catalog.format(
        'policy %I on table %I.%I reads its own table%s',
        p.polname,
        n.nspname,
        c.relname,
        case
            when not r.is_direct then ' through the policies of ' || r.via
        end
    ) as detail,
    '' as remedy,
    '' as undo
from recursions as r
inner join policies as p on p.oid = r.policy
inner join pg_catalog.pg_class as c on c.oid = p.polrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
order by
    n.nspname,
    c.relname,
    p.polname
