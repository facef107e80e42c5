-- Counters of the archiver without `_total`, one row.
-- @interval 15s
select
    a.archived_count as archived_count,  -- WAL files archived.
    a.failed_count as failed_count,      -- Failed attempts to archive a WAL file.
    pg_catalog.date_part(
        'epoch', pg_catalog.clock_timestamp() - a.last_archived_time
    ) as last_archive_age                -- Time since a WAL file was last archived, in seconds.
from pg_catalog.pg_stat_archiver as a
