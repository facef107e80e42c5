-- A table has row level security, but no policy.
-- @splinter 0008_rls_enabled_no_policy
-- @severity info
-- @category security
-- @scope database
-- @lane side
-- Ramification: only the owner and roles with BYPASSRLS see its rows; for all others
-- who were granted something the table is empty and refuses every write.
-- Cure: add a policy for each role that needs the table, or revoke what they were
-- granted: a table that is granted to nobody but its owner is closed on purpose.
select
    'table' as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format('table %I.%I has row level security, but no policy', n.nspname, c.relname) as detail,
    '' as remedy,
    '' as undo
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relrowsecurity
    and c.relkind in ('r', 'p')
    and not exists (
        select
        from pg_catalog.pg_policy as p
        where p.polrelid = c.oid
    )
    and exists (
        select
        from pg_catalog.aclexplode(c.relacl) as a
        left join pg_catalog.pg_roles as r on r.oid = a.grantee
        where a.grantee <> c.relowner and r.rolbypassrls is not true
    )
order by
    n.nspname,
    c.relname
