-- What holds back the xmin horizon: the oldest holder of each cause.
-- @interval 15s
select distinct on (h.cause)
    h.cause as cause,                -- Kind of holder.
    h.holder as holder,
    h.datname as datname,            -- Database of the holder, empty for all.
    h.xmin_age as xmin_age,          -- Age in transactions of the horizon it holds.
    h.age_seconds as age_seconds     -- How long it has existed.
from (
    select
        'transaction' as cause,
        a.pid::text as holder,
        coalesce(a.datname::text, '') as datname,
        greatest(pg_catalog.age(a.backend_xmin), pg_catalog.age(a.backend_xid)) as xmin_age,
        pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) as age_seconds
    from pg_catalog.pg_stat_activity as a
    where (a.backend_xmin is not null or a.backend_xid is not null)
        and a.backend_type <> 'walsender'
        and a.pid <> pg_catalog.pg_backend_pid()
    union all
    select
        'prepared',
        p.gid,
        p.database::text,
        pg_catalog.age(p.transaction),
        pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - p.prepared)
    from pg_catalog.pg_prepared_xacts as p
    union all
    select
        'slot',
        s.slot_name::text,
        coalesce(s.database::text, ''),
        pg_catalog.age(s.xmin),
        null
    from pg_catalog.pg_replication_slots as s
    where s.xmin is not null
    union all
    select
        'slot_catalog',
        s.slot_name::text,
        coalesce(s.database::text, ''),
        pg_catalog.age(s.catalog_xmin),
        null
    from pg_catalog.pg_replication_slots as s
    where s.catalog_xmin is not null
    union all
    select
        'standby_feedback',
        r.application_name,
        '',
        pg_catalog.age(r.backend_xmin),
        pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - r.backend_start)
    from pg_catalog.pg_stat_replication as r
    where r.backend_xmin is not null
) as h
order by
    h.cause,
    h.xmin_age desc
