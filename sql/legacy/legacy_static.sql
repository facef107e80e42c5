-- The server's version as labels, one row.
-- @interval 5m
select
    pg_catalog.version() as version,
    pg_catalog.current_setting('server_version') as short_version,
    1 as static  -- 1; the labels are the version.
