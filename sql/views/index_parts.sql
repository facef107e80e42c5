-- The indexes that hold the data of a partitioned index; of any other, itself.
-- From pg_inherits, because pg_partition_tree waits for locked partitions.

create or replace function monitoring.index_parts(indexrelid oid)
returns setof oid
language sql
stable
set search_path = pg_catalog, pg_temp
as $body$
    with recursive member as (
        select indexrelid as oid
        union all
        select h.inhrelid
        from member as m
        join pg_catalog.pg_inherits as h on h.inhparent = m.oid
    )

    select c.oid
    from member as m
    join pg_catalog.pg_class as c on c.oid = m.oid
    where c.relkind = 'i'
$body$;

comment on function monitoring.index_parts(oid) is
    'The indexes that hold the data of a partitioned index; of any other, itself.';
