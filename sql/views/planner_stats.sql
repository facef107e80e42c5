-- Planner statistics of tables whose rows the caller may not see, one row per column.
-- Numbers only: shares, widths and counts, never a value of the data. With the rights of
-- the schema's owner, who is granted the columns of pg_statistic without values by
-- `pgvigil install --planner-stats` as a superuser; else what pg_stats shows the owner.
-- @optional

create or replace function monitoring.planner_stats(relids oid[] default null)
returns table (
    relid oid,
    attnum smallint,
    inherited boolean,
    null_frac real,
    avg_width integer,
    n_distinct real,
    correlation real
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
    if pg_catalog.has_column_privilege('pg_catalog.pg_statistic', 'stanumbers5', 'select') then
        return query
        select
            s.starelid,
            s.staattnum,
            s.stainherit,
            s.stanullfrac,
            s.stawidth,
            s.stadistinct,
            -- 3 is a correlation.
            case 3
                when s.stakind1 then s.stanumbers1[1]
                when s.stakind2 then s.stanumbers2[1]
                when s.stakind3 then s.stanumbers3[1]
                when s.stakind4 then s.stanumbers4[1]
                when s.stakind5 then s.stanumbers5[1]
            end
        from pg_catalog.pg_statistic as s
        where s.starelid >= 16384
            and (relids is null or s.starelid = any(relids));
        return;
    end if;
    return query
    select
        c.oid,
        a.attnum,
        t.inherited,
        t.null_frac,
        t.avg_width,
        t.n_distinct,
        t.correlation
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_stats as t on t.schemaname = n.nspname and t.tablename = c.relname
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attname = t.attname
    where c.oid >= 16384
        and (relids is null or c.oid = any(relids));
end
$body$;

comment on function monitoring.planner_stats(oid[]) is
    'Planner statistics without values, also of tables under row level security.';
