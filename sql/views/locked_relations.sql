-- Relations of this database that someone holds an ACCESS EXCLUSIVE lock on.
-- Size functions and pg_get_indexdef wait for such a lock; the views skip these.

create or replace function monitoring.locked_relations()
returns oid[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $body$
    select
        array(
            select l.relation
            from pg_catalog.pg_locks as l
            join pg_catalog.pg_database as d on d.oid = l.database
            where
                d.datname = pg_catalog.current_database()
                and l.locktype = 'relation'
                and l.mode = 'AccessExclusiveLock'
                and l.granted
                and l.pid <> pg_catalog.pg_backend_pid()
        )
$body$;

comment on function monitoring.locked_relations() is
    'Relations of this database that someone else holds an ACCESS EXCLUSIVE lock on.';
