-- The 20 statements of this database that took the most time since the last reset.
-- Top-level statements only, without the daemon's own. Texts of other roles need
-- pg_read_all_stats. Times are in milliseconds.

create or replace view monitoring.performance_summary as
select
    s.query as query,
    s.calls as calls,
    s.total_exec_time as total_time,
    s.mean_exec_time as mean_time,
    s.rows as rows,
    100.0 * s.shared_blks_hit
    / nullif(s.shared_blks_hit + s.shared_blks_read, 0) as hit_percent,
    s.queryid as queryid,
    s.username as username,
    s.stddev_exec_time as stddev_time,
    s.local_blks_read as local_blks_read,
    s.local_blks_written as local_blks_written,
    s.temp_blks_read as temp_blks_read,
    s.temp_blks_written as temp_blks_written,
    s.wal_bytes as wal_bytes
from monitoring.statements() as s
order by s.total_exec_time desc
limit 20;

comment on view monitoring.performance_summary is
    'The 20 statements of this database that took the most time since the last reset.';
