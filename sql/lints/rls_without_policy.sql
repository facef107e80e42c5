-- A table has row level security, but no policy.
-- @severity info
-- @category security
-- @scope database
-- @lane side
-- Ramification: only the owner and roles with BYPASSRLS see its rows; for all others
-- the table is empty and refuses every write. That may be what is meant.
-- Cure: add a policy for each role that needs the table, or leave it closed and
-- mute the finding.
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
order by
    n.nspname,
    c.relname
