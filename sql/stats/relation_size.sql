-- Sizes and freeze ages of the tables asked for and their indexes, one row each.
-- The size functions lock the relation for a moment: those that somebody holds or
-- awaits with an ACCESS EXCLUSIVE lock are sized by relpages. What live tuples need
-- is known where the role sees the widths of all columns in pg_stats.
-- @interval sizes
-- @scope database
-- @timeout 5s
-- @lane side
with locked as materialized (
    select l.relation
    from pg_catalog.pg_locks as l
    where l.locktype = 'relation'
        and l.mode = 'AccessExclusiveLock'
        and l.database = (
            select d.oid
            from pg_catalog.pg_database as d
            where d.datname = pg_catalog.current_database()
        )
),
member as materialized (
    select
        c.oid,
        c.oid as relid,
        't' as part
    from pg_catalog.pg_class as c
    where c.oid = any (:'oids'::oid[])
    union all
    select
        i.indexrelid,
        i.indrelid,
        'i'
    from pg_catalog.pg_index as i
    where i.indrelid = any (:'oids'::oid[])
    union all
    select
        c.reltoastrelid,
        c.oid,
        'o'
    from pg_catalog.pg_class as c
    where c.oid = any (:'oids'::oid[])
        and c.reltoastrelid <> 0
),
sized as materialized (
    select
        m.oid,
        m.relid,
        m.part,
        f.is_free,
        case
            when not f.is_free then greatest(c.relpages, 0) * f.block_size
            when m.part = 'o' then coalesce(pg_catalog.pg_total_relation_size(m.oid), 0)
            else coalesce(pg_catalog.pg_relation_size(m.oid), 0)
        end as size_bytes,
        case
            when f.is_free and m.part = 't'
                then coalesce(pg_catalog.pg_relation_size(m.oid, 'fsm') + pg_catalog.pg_relation_size(m.oid, 'vm'), 0)
            else 0
        end as map_bytes
    from member as m
    inner join pg_catalog.pg_class as c on c.oid = m.oid
    cross join lateral (
        select
            m.oid not in (select l.relation from locked as l) as is_free,
            pg_catalog.current_setting('block_size')::bigint as block_size
    ) as f
),
summed as (
    select
        s.oid,
        s.relid,
        s.part,
        s.size_bytes,
        case when s.part = 't' then coalesce(pg_catalog.sum(s.size_bytes) filter (where s.part = 'o') over w, 0) else 0 end as toast_bytes,
        case when s.part = 't' then coalesce(pg_catalog.sum(s.size_bytes) filter (where s.part = 'i') over w, 0) else 0 end as indexes_bytes,
        s.map_bytes,
        case when s.part = 't' then pg_catalog.bool_and(s.is_free) over w else s.is_free end as is_exact
    from sized as s
    window w as (partition by s.relid)
)
select
    s.oid::bigint as oid,
    s.size_bytes as size_bytes,              -- Size of the main fork.
    s.toast_bytes::bigint as toast_bytes,    -- Size of the table's toast table.
    s.indexes_bytes::bigint as indexes_bytes,  -- Size of the table's indexes.
    (s.size_bytes + s.map_bytes + s.toast_bytes + s.indexes_bytes)::bigint as total_bytes,  -- Size with toast and indexes.
    case
        when s.part = 't'
            and c.reltuples >= 0
            and pg_catalog.has_table_privilege(c.oid, 'SELECT')
            and not pg_catalog.row_security_active(c.oid)
            then (
                select
                    case
                        when pg_catalog.count(*) = (
                            select pg_catalog.count(*)
                            from pg_catalog.pg_attribute as a
                            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                        )
                            then (
                                pg_catalog.ceil(
                                    c.reltuples
                                    * (4 + 8 * pg_catalog.ceil((24 + pg_catalog.sum((1 - t.null_frac) * t.avg_width)) / 8))
                                    / (pg_catalog.current_setting('block_size')::bigint - 24)
                                )
                                * pg_catalog.current_setting('block_size')::bigint
                            )::bigint
                    end
                from pg_catalog.pg_stats as t
                where t.schemaname = n.nspname
                    and t.tablename = c.relname
                    and not t.inherited
            )
    end as estimated_bytes,                  -- What the live tuples would need.
    case when c.relfrozenxid <> '0'::xid then pg_catalog.age(c.relfrozenxid) end as frozen_xid_age,  -- Age in transactions of the oldest unfrozen transaction id.
    case when c.relminmxid <> '0'::xid then pg_catalog.mxid_age(c.relminmxid) end as min_mxid_age,   -- Age in multixacts of the oldest multixact id.
    s.is_exact as is_exact
from summed as s
inner join pg_catalog.pg_class as c on c.oid = s.oid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where s.part <> 'o'
