-- Sizes of databases, one row per database.
-- The server walks a database's whole directory: rare, and not with the others.
-- @interval 5m
-- @timeout 30s
-- @lane side
select
    d.datname::text as datname,                               -- Database.
    pg_catalog.pg_database_size(d.oid) as size_bytes          -- Size on disk.
from pg_catalog.pg_database as d
where pg_catalog.has_database_privilege(d.oid, 'CONNECT')
    or pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
