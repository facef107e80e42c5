-- Tables whose catalog entry changed since the version known, one row per table.
-- A table that is gone comes back with nothing but its oid. System schemas,
-- temporary and toast tables are left out. Takes no lock on a relation. A version
-- weighs ids of writing transactions against a fixed one, so that it stays put.
-- @interval catalog
-- @scope database
-- @timeout 20s
-- @lane side
with attribute as (
    select
        a.attrelid,
        -- Sums of integers need no memory of their own for each group.
        pg_catalog.sum(
            (a.attnum * ((pg_catalog.age(a.xmin) - pg_catalog.age('3'::xid)::bigint) % 1000003))::integer
        ) as version
    from pg_catalog.pg_attribute as a
    inner join pg_catalog.pg_class as c on c.oid = a.attrelid
    where a.attnum > 0
        and c.relkind in ('r', 'm', 'p')
        and c.relnamespace <> 'pg_catalog'::regnamespace
    group by a.attrelid
),
present as (
    select
        c.oid,
        31 * (pg_catalog.age(c.xmin) - pg_catalog.age('3'::xid)::bigint)
        + 37 * (pg_catalog.age(n.xmin) - pg_catalog.age('3'::xid)::bigint)
        + 41 * coalesce(a.version, 0)
        + 43 * c.relowner::bigint
        + 47 * c.relpages::bigint
        + 53 * c.reltuples::bigint as version
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    left join attribute as a on a.attrelid = c.oid
    where c.relkind in ('r', 'm', 'p')
        and c.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
),
changed as materialized (
    select
        coalesce(p.oid, k.oid) as oid,
        p.version
    from present as p
    full join (
        select
            w.oid,
            w.version
        from rows from (
            pg_catalog.unnest(:'oids'::oid[]),
            pg_catalog.unnest(:'versions'::bigint[])
        ) as w (oid, version)
    ) as k on k.oid = p.oid
    where p.version is distinct from k.version
    limit 3000
)
select
    h.oid::bigint as oid,
    h.version as version,
    n.nspname::text as schemaname,
    c.relname::text as relname,
    c.relkind::text as kind,
    pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
    coalesce(
        (
            select i.inhparent
            from pg_catalog.pg_inherits as i
            where i.inhrelid = c.oid and c.relispartition
        ),
        0
    )::bigint as parent,
    c.reltuples::double precision as reltuples,
    greatest(c.relpages, 0) as relpages,
    coalesce(c.reloptions, '{}') as reloptions,
    c.relrowsecurity as has_rls,
    c.relforcerowsecurity as forces_rls,
    array(
        select case when a.attisdropped then '' else a.attname::text end
        from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0
        order by a.attnum
    ) as attributes
from changed as h
-- One look-up for each changed table: a hash of all of pg_class would spill.
left join lateral (
    select
        r.oid,
        r.relname,
        r.relnamespace,
        r.relowner,
        r.relkind,
        r.relispartition,
        r.reltuples,
        r.relpages,
        r.reloptions,
        r.relrowsecurity,
        r.relforcerowsecurity
    from pg_catalog.pg_class as r
    where r.oid = h.oid and h.version is not null
    offset 0
) as c on true
left join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
