-- The server process, one row.
-- @interval 15s
select
    pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) as start_timestamp_seconds,    -- When the server was started.
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.pg_postmaster_start_time()) as uptime_seconds,  -- Time since the server was started.
    pg_catalog.date_part('epoch', pg_catalog.pg_conf_load_time()) as config_load_timestamp_seconds,     -- When its configuration was last loaded.
    pg_catalog.pg_is_in_recovery() as in_recovery  -- 1 on a standby.
