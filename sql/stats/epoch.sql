-- What changes whenever counters may have started anew, one text per database.
-- After a crash the server's start time stays and a database's stats_reset is
-- NULL, but the shared statistics carry the time of their own reset.
select
    pg_catalog.concat_ws(
        '/',
        pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()),
        pg_catalog.pg_is_in_recovery(),
        coalesce(pg_catalog.date_part('epoch', b.stats_reset), 0),
        coalesce(pg_catalog.date_part('epoch', d.stats_reset), 0)
    ) as epoch
from pg_catalog.pg_stat_bgwriter as b
cross join pg_catalog.pg_stat_database as d
where d.datname = pg_catalog.current_database()
