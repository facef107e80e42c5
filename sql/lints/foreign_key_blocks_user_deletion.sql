-- A foreign key keeps accounts from being deleted.
-- @severity info
-- @category integrity
-- @scope database
-- @lane side
-- Ramification: it references auth.users and says nothing on what happens to its rows
-- when an account is deleted, so the deletion fails with SQLSTATE 23503 while there is
-- one. Applications that let users delete their account show that as an error of the
-- database, and a request to erase somebody's data cannot be carried out.
-- Cure: decide for each key. ON DELETE CASCADE where rows are the user's own, ON DELETE
-- SET NULL where they outlive the user and the column may be null. Where neither is
-- right, hand the rows over before an account is deleted, as
-- monitoring.reassign_user_content() does for the platform, and mute the finding.
select
    'constraint' as object_type,
    n.nspname::text as schemaname,
    c.relname || '.' || k.conname as name,
    pg_catalog.format(
        'foreign key %I of table %I.%I keeps accounts from being deleted',
        k.conname,
        n.nspname,
        c.relname
    ) as detail,
    '' as remedy,
    '' as undo
from pg_catalog.pg_constraint as k
inner join pg_catalog.pg_class as c on c.oid = k.conrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
inner join pg_catalog.pg_class as u on u.oid = k.confrelid
inner join pg_catalog.pg_namespace as a on a.oid = u.relnamespace
where k.contype = 'f'
    and a.nspname = 'auth'
    and u.relname = 'users'
    and k.confdeltype in ('a', 'r')
    -- Partitions repeat what their parent says; schema auth is its service's own affair.
    and k.conparentid = 0
    and n.nspname <> 'auth'
order by
    n.nspname,
    c.relname,
    k.conname
