-- Autovacuum workers, one row per worker.
-- @interval 15s
select
    a.pid as pid,
    coalesce(a.datname::text, '') as datname,
    coalesce(v.relid, n.relid, 0)::bigint as relid,
    a.query like '%(to prevent wraparound)%' as is_wraparound,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) as running_seconds
from pg_catalog.pg_stat_activity as a
left join pg_catalog.pg_stat_progress_vacuum as v on v.pid = a.pid
left join pg_catalog.pg_stat_progress_analyze as n on n.pid = a.pid
where a.backend_type = 'autovacuum worker'
