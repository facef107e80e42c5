-- Tables partitioned by ranges of one date or timestamp, one row per table.
-- Bounds are text in UTC, YYYY-MM-DD HH24:MI:SS, in the order of time, empty where
-- there is none; parts without an end are left out. Takes no lock on a relation.
-- Extension pg_partman looks after tables of its own. Which ones they are only its
-- configuration says, which others may not read: so all are marked.
-- @interval catalog
-- @scope database
-- @lane side
select
    t.oid::bigint as oid,
    t.schemaname as schemaname,        -- Schema of the partitioned table.
    t.relname as relname,              -- Partitioned table.
    t.keyname as keyname,
    coalesce(b.names, '{}') as names,
    coalesce(b.lowers, '{}') as lowers,
    coalesce(b.uppers, '{}') as uppers,
    b.newest as newest_bound,
    coalesce(t.default_oid, 0)::bigint as default_oid,
    coalesce(d.nspname::text, '') as default_schemaname,
    coalesce(d.relname::text, '') as default_relname,
    case
        when t.default_oid is not null then pg_catalog.pg_stat_get_live_tuples(t.default_oid)
    end as default_tuples,             -- Rows in the default partition, as statistics estimate them.
    pg_catalog.pg_stat_get_tuples_inserted(t.default_oid) as default_inserted_total,
    -- Our own procedure is called only where its owner is the table's.
    d.nspname is not distinct from 'app_partitions'
    and exists (
        select 1
        from pg_catalog.pg_proc as p
        inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
        where n.nspname = 'app_private'
            and p.proname = 'create_partition'
            and p.proowner = t.relowner
    ) as is_platform,
    exists (
        select 1
        from pg_catalog.pg_class as c
        inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = 'partman' and c.relname = 'part_config'
    )
    or exists (
        select 1
        from pg_catalog.pg_extension as e
        where e.extname = 'pg_partman'
    ) as has_partman,
    array(
        select c.relname::text
        from pg_catalog.pg_class as c
        where c.relnamespace = d.relnamespace
            and d.nspname = 'app_partitions'
            and c.relkind = 'r'
            and not c.relispartition
            and pg_catalog.starts_with(c.relname::text, t.relname || '_')
        order by c.relname
    ) as detached
from (
    select
        c.oid,
        c.relowner,
        n.nspname::text as schemaname,
        c.relname::text as relname,
        a.attname::text as keyname,
        a.atttypid,
        nullif(p.partdefid, 0) as default_oid
    from pg_catalog.pg_partitioned_table as p
    inner join pg_catalog.pg_class as c on c.oid = p.partrelid
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = p.partattrs[0]
    where p.partstrat = 'r'
        and p.partnatts = 1
        and a.atttypid in ('pg_catalog.date'::regtype, 'pg_catalog.timestamp'::regtype, 'pg_catalog.timestamptz'::regtype)
        and c.relpersistence <> 't'
        and not c.relispartition
) as t
left join lateral (
    select
        c.relname,
        c.relnamespace,
        n.nspname
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.oid = t.default_oid
) as d on true
left join lateral (
    select
        pg_catalog.array_agg(r.relname order by r.upper, r.relname)
        filter (where r.is_bounded) as names,
        pg_catalog.array_agg(
            coalesce(pg_catalog.to_char(r.lower, 'YYYY-MM-DD HH24:MI:SS'), '') order by r.upper, r.relname
        ) filter (where r.is_bounded) as lowers,
        pg_catalog.array_agg(
            pg_catalog.to_char(r.upper, 'YYYY-MM-DD HH24:MI:SS') order by r.upper, r.relname
        ) filter (where r.is_bounded) as uppers,
        -- Where a part has no end, the table has none.
        case
            when pg_catalog.bool_and(r.is_bounded) then pg_catalog.max(r.upper) at time zone 'UTC'
        end as newest
    from (
        select
            x.relname,
            case when pg_catalog.isfinite(x.lower) then x.lower end as lower,
            x.upper,
            coalesce(
                pg_catalog.isfinite(x.upper) and x.upper between '0100-01-01' and '9999-01-01',
                false
            ) as is_bounded
        from (
            select
                c.relname::text as relname,
                case t.atttypid
                    when 'pg_catalog.timestamptz'::regtype
                        then pg_catalog.substring(e.bound, 'FROM \(''([^'']+)''\)')::timestamptz at time zone 'UTC'
                    else pg_catalog.substring(e.bound, 'FROM \(''([^'']+)''\)')::timestamp
                end as lower,
                case t.atttypid
                    when 'pg_catalog.timestamptz'::regtype
                        then pg_catalog.substring(e.bound, 'TO \(''([^'']+)''\)')::timestamptz at time zone 'UTC'
                    else pg_catalog.substring(e.bound, 'TO \(''([^'']+)''\)')::timestamp
                end as upper
            from pg_catalog.pg_inherits as i
            inner join pg_catalog.pg_class as c on c.oid = i.inhrelid
            -- Constants only: without a relation's oid nothing is locked.
            cross join lateral (
                select pg_catalog.pg_get_expr(c.relpartbound, 0) as bound
            ) as e
            where i.inhparent = t.oid
                and c.relispartition
                and c.oid is distinct from t.default_oid
        ) as x
    ) as r
) as b on true
