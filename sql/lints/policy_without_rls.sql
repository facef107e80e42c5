-- A table has policies, but row level security is off.
-- @splinter 0007_policy_exists_rls_disabled
-- @severity critical
-- @category security
-- @scope database
-- @lane side
-- Ramification: the policies do nothing. Everybody with a privilege on the table
-- sees and changes every row.
-- Cure: enable row level security. From then on roles for which no policy applies
-- see nothing, so check that each role that needs the table has one.
select
    'table' as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format(
        'table %I.%I has %s, but row level security is off',
        n.nspname,
        c.relname,
        case pg_catalog.count(*)
            when 1 then 'a policy'
            else pg_catalog.count(*) || ' policies'
        end
    ) as detail,
    pg_catalog.format('alter table %I.%I enable row level security;', n.nspname, c.relname) as remedy,
    pg_catalog.format('alter table %I.%I disable row level security;', n.nspname, c.relname) as undo
from pg_catalog.pg_policy as p
inner join pg_catalog.pg_class as c on c.oid = p.polrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not c.relrowsecurity
group by
    n.nspname,
    c.relname
order by
    n.nspname,
    c.relname
