-- Server settings that checks need, one row per server.
-- @interval 60s
select
    pg_catalog.max(s.setting) filter (where s.name = 'max_connections')::integer as max_connections,  -- Connections the server accepts.
    pg_catalog.sum(s.setting::integer) filter (where s.name in ('superuser_reserved_connections', 'reserved_connections'))::integer as reserved_connections,  -- Connections an ordinary role cannot take.
    pg_catalog.bool_or(s.setting = 'on') filter (where s.name = 'autovacuum') as autovacuum_enabled,  -- 1 if autovacuum is on.
    pg_catalog.max(s.setting) filter (where s.name = 'autovacuum_max_workers')::integer as autovacuum_max_workers,  -- Autovacuum workers at a time.
    pg_catalog.max(s.setting) filter (where s.name = 'autovacuum_vacuum_threshold')::integer as autovacuum_vacuum_threshold,
    pg_catalog.max(s.setting) filter (where s.name = 'autovacuum_vacuum_scale_factor')::double precision as autovacuum_vacuum_scale_factor,
    pg_catalog.max(s.setting) filter (where s.name = 'autovacuum_analyze_threshold')::integer as autovacuum_analyze_threshold,
    pg_catalog.max(s.setting) filter (where s.name = 'autovacuum_analyze_scale_factor')::double precision as autovacuum_analyze_scale_factor,
    pg_catalog.max(s.setting) filter (where s.name = 'autovacuum_freeze_max_age')::integer as autovacuum_freeze_max_age,  -- Age in transactions at which a table is vacuumed against wraparound.
    pg_catalog.max(s.setting) filter (where s.name = 'autovacuum_multixact_freeze_max_age')::integer as autovacuum_multixact_freeze_max_age,  -- The same for multixacts.
    pg_catalog.max(s.setting) filter (where s.name = 'block_size')::integer as block_size_bytes,  -- Size of a block.
    pg_catalog.bool_or(s.setting = 'on') filter (where s.name = 'track_io_timing') as has_track_io_timing,  -- 1 if I/O is timed.
    pg_catalog.bool_or(s.setting <> 'off') filter (where s.name = 'archive_mode') as has_archiving,  -- 1 if WAL is archived.
    pg_catalog.max(s.setting) filter (where s.name = 'max_wal_senders')::integer as max_wal_senders,  -- WAL senders at a time.
    pg_catalog.max(s.setting) filter (where s.name = 'max_replication_slots')::integer as max_replication_slots,  -- Replication slots.
    pg_catalog.max(s.setting) filter (where s.name = 'max_prepared_transactions')::integer as max_prepared_transactions,  -- Prepared transactions at a time.
    pg_catalog.count(*) filter (where s.pending_restart)::integer as pending_restart  -- Settings that wait for a restart.
from pg_catalog.pg_settings as s
