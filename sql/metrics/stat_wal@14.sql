-- WAL written by the server, one row.
-- @interval 15s
select
    w.wal_records as records_total,                -- WAL records written.
    w.wal_fpi as fpi_total,                        -- Full page images written.
    w.wal_bytes::bigint as bytes_total,            -- Bytes of WAL written.
    w.wal_buffers_full as buffers_full_total,      -- Writes because WAL buffers were full.
    w.wal_write as writes_total,                   -- Writes of WAL buffers to disk.
    w.wal_sync as syncs_total,                     -- Syncs of WAL files.
    w.wal_write_time / 1000 as write_time_seconds_total,  -- Time spent writing WAL, if track_wal_io_timing is on.
    w.wal_sync_time / 1000 as sync_time_seconds_total     -- Time spent syncing WAL, if track_wal_io_timing is on.
from pg_catalog.pg_stat_wal as w
