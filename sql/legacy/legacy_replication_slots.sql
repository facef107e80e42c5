-- Replication slots, one row per slot.
-- @interval 15s
select
    s.slot_name::text as slot_name,
    s.slot_type as slot_type,
    s.active as active  -- 1 if the slot is in use.
from pg_catalog.pg_replication_slots as s
