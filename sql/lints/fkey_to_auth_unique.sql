-- A foreign key holds on to a unique constraint of the authentication service.
-- @splinter 0021_fkey_to_auth_unique
-- @severity critical
-- @category security
-- @scope database
-- @lane side
-- Ramification: it references columns of a table in schema auth that are not the primary
-- key. Only the primary keys are there to stay. The service's own migrations cannot drop
-- the constraint while a foreign key needs it: updates of the service, of its security
-- too, fail.
-- Cure: reference the primary key instead, for accounts auth.users (id): add a column for
-- it, fill it by a join, add the new foreign key, then drop this one.
select
    'constraint' as object_type,
    n.nspname::text as schemaname,
    c.relname || '.' || k.conname as name,
    pg_catalog.format(
        'foreign key %I of table %I.%I references %I.%I by %I, not by the primary key',
        k.conname,
        n.nspname,
        c.relname,
        a.nspname,
        u.relname,
        x.relname
    ) as detail,
    '' as remedy,
    '' as undo
from pg_catalog.pg_constraint as k
inner join pg_catalog.pg_class as c on c.oid = k.conrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
inner join pg_catalog.pg_class as u on u.oid = k.confrelid
inner join pg_catalog.pg_namespace as a on a.oid = u.relnamespace
inner join pg_catalog.pg_index as i on i.indexrelid = k.conindid
inner join pg_catalog.pg_class as x on x.oid = k.conindid
where k.contype = 'f'
    and a.nspname = 'auth'
    and not i.indisprimary
    -- Partitions repeat what their parent says; schema auth is its service's own affair.
    and k.conparentid = 0
    and n.nspname <> 'auth'
order by
    n.nspname,
    c.relname,
    k.conname
