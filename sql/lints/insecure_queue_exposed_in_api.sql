-- A queue is open to the API.
-- @splinter 0019_insecure_queue_exposed_in_api
-- @severity critical
-- @category security
-- @scope database
-- @lane side
-- @lock AccessExclusiveLock
-- @risk Roles for which no policy applies see nothing afterwards: create the policies first.
-- Ramification: the schema through which the API reaches queues of pgmq is exposed, and
-- the queue's table has no row level security. A role that holds privileges on it can
-- read, change and delete every message.
-- Cure: write policies for the queue's table and enable row level security on it, revoke
-- the privileges, or take schema pgmq_public off the list of exposed schemas.
select
    'table' as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format(
        'queue %I.%I has no row level security and is open to %s',
        n.nspname,
        c.relname,
        g.roles
    ) as detail,
    pg_catalog.format('alter table %I.%I enable row level security;', n.nspname, c.relname) as remedy,
    pg_catalog.format('alter table %I.%I disable row level security;', n.nspname, c.relname) as undo
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    select pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ' and ' order by r.rolname) as roles
    from pg_catalog.pg_roles as r
    where r.rolname = any (:'api_roles'::text[])
        and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
        and pg_catalog.has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')
) as g
where n.nspname = 'pgmq'
    and c.relkind in ('r', 'p')
    and c.relname ~ '^q_'
    and not c.relispartition
    and not c.relrowsecurity
    and :'exposed_schemas'::text[] && array['pgmq', 'pgmq_public']
    and g.roles is not null
order by
    n.nspname,
    c.relname
