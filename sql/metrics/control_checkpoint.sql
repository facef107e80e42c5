-- The last checkpoint in the control file, one row.
-- @requires control_data
select
    c.timeline_id as timeline_id,                  -- Timeline of the last checkpoint.
    pg_catalog.date_part('epoch', c.checkpoint_time) as timestamp_seconds  -- When it was taken.
from pg_catalog.pg_control_checkpoint() as c
