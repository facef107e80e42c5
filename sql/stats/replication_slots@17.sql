-- Replication slots and the WAL they retain, one row per slot.
-- This variant knows how long a slot has been inactive.
-- @interval 15s
select
    s.slot_name::text as slot_name,                -- Slot.
    s.slot_type as slot_type,                      -- Physical or logical.
    coalesce(s.database::text, '') as datname,     -- Database of a logical slot.
    coalesce(s.wal_status, '') as wal_status,
    s.active as is_active,                         -- 1 if the slot is in use.
    pg_catalog.pg_wal_lsn_diff(
        case
            when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
            else pg_catalog.pg_current_wal_lsn()
        end,
        s.restart_lsn
    )::bigint as retained_bytes,                   -- WAL kept for the slot.
    s.safe_wal_size as safe_wal_bytes,             -- WAL that can be written before the slot is lost.
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - s.inactive_since) as inactive_seconds,  -- Time since the slot was last in use.
    pg_catalog.age(s.xmin) as xmin_age,                  -- Age in transactions of the horizon the slot holds.
    pg_catalog.age(s.catalog_xmin) as catalog_xmin_age   -- The same for the system catalogs.
from pg_catalog.pg_replication_slots as s
