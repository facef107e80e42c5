-- Since when this database's counters count without a break, as far as catalogs can tell.
-- After a crash pg_stat_database.stats_reset is NULL and every counter 0: read alone it
-- would say "since ever". pg_stat_bgwriter.stats_reset moves then, so the later one counts.

create or replace function monitoring.statistics_since()
returns timestamptz
language sql
stable
set search_path = pg_catalog, pg_temp
as $body$
    select greatest(d.stats_reset, b.stats_reset)
    from pg_catalog.pg_stat_database as d
    cross join pg_catalog.pg_stat_bgwriter as b
    where d.datname = pg_catalog.current_database()
$body$;

comment on function monitoring.statistics_since() is
    'Since when this database''s counters count without a break, as far as catalogs can tell.';
