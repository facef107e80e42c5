-- Size of a relation with its TOAST table and indexes; of a locked one by pg_class.relpages.
-- `locked` comes from monitoring.locked_relations(), read once per query. Stable, so
-- that a view which shows it can be merged into the query that reads that view.

create or replace function monitoring.relation_bytes(relid oid, locked oid[])
returns bigint
language sql
stable
set search_path = pg_catalog, pg_temp
as $body$
    select
        case
            when c.oid = any (locked)
                then
                    c.relpages::bigint
                    * pg_catalog.current_setting('block_size')::bigint
            else pg_catalog.pg_total_relation_size(c.oid)
        end
    from pg_catalog.pg_class as c
    where c.oid = relid
$body$;

comment on function monitoring.relation_bytes(oid, oid[]) is
    'Size of a relation with its TOAST table and indexes, without waiting for a lock.';
