-- WAL archiver progress, one row per server.
-- @interval 15s
select
    a.archived_count as archived_wal_total,          -- WAL files archived.
    a.failed_count as failed_archive_attempts_total, -- Failed attempts to archive a WAL file.
    pg_catalog.date_part('epoch', pg_catalog.now() - a.last_archived_time) as last_archived_age_seconds,  -- Time since a WAL file was last archived.
    pg_catalog.date_part('epoch', pg_catalog.now() - a.last_failed_time) as last_failed_age_seconds,      -- Time since archiving last failed.
    coalesce(a.last_failed_wal, '') as last_failed_wal,
    a.stats_reset as stats_reset
from pg_catalog.pg_stat_archiver as a
