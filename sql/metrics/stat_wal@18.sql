-- WAL written by the server, one row.
-- From 18 writes and syncs are counted in pg_stat_io.
-- @interval 15s
select
    w.wal_records as records_total,                -- WAL records written.
    w.wal_fpi as fpi_total,                        -- Full page images written.
    w.wal_bytes::bigint as bytes_total,            -- Bytes of WAL written.
    w.wal_buffers_full as buffers_full_total,      -- Writes because WAL buffers were full.
    pg_catalog.sum(i.writes)::bigint as writes_total,     -- Writes of WAL buffers to disk.
    pg_catalog.sum(i.fsyncs)::bigint as syncs_total,      -- Syncs of WAL files.
    pg_catalog.sum(i.write_time) / 1000 as write_time_seconds_total,  -- Time spent writing WAL, if track_wal_io_timing is on.
    pg_catalog.sum(i.fsync_time) / 1000 as sync_time_seconds_total    -- Time spent syncing WAL, if track_wal_io_timing is on.
from pg_catalog.pg_stat_wal as w
left join pg_catalog.pg_stat_io as i on i.object = 'wal' and i.context = 'normal'
group by
    w.wal_records,
    w.wal_fpi,
    w.wal_bytes,
    w.wal_buffers_full
