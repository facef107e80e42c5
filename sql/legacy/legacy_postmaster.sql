-- When the server was started, one row.
-- @interval 60s
select
    pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) as start_time_seconds  -- When the server was started.
