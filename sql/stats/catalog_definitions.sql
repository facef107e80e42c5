-- Definitions of the indexes and policies asked for, one row per object.
-- Deparsing locks the relation for a moment, so those that somebody holds or
-- awaits with an ACCESS EXCLUSIVE lock are left out; their turn comes again. Our own
-- lock, of a transaction that has just changed the table, does not stand in the way.
-- @interval catalog
-- @scope database
-- @timeout 10s
-- @lane side
with locked as materialized (
    select l.relation
    from pg_catalog.pg_locks as l
    where l.locktype = 'relation'
        and l.mode = 'AccessExclusiveLock'
        and l.pid is distinct from pg_catalog.pg_backend_pid()
        and l.database = (
            select d.oid
            from pg_catalog.pg_database as d
            where d.datname = pg_catalog.current_database()
        )
)
select
    i.indexrelid::bigint as oid,
    pg_catalog.pg_get_indexdef(i.indexrelid) as definition,
    pg_catalog.pg_get_expr(i.indexprs, i.indrelid) as expression,
    pg_catalog.pg_get_expr(i.indpred, i.indrelid) as predicate
from pg_catalog.pg_index as i
where i.indexrelid = any (:'indexes'::oid[])
    and not exists (
        select
        from locked as l
        where l.relation in (i.indexrelid, i.indrelid)
    )
union all
select
    p.oid::bigint,
    null,
    pg_catalog.pg_get_expr(p.polqual, p.polrelid),
    pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
from pg_catalog.pg_policy as p
where p.oid = any (:'policies'::oid[])
    and not exists (
        select
        from locked as l
        where l.relation = p.polrelid
    )
