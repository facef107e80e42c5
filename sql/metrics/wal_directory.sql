-- Files in the WAL directory, one row.
-- Every file's size is asked of the file system.
-- @requires wal_directory
-- @lane side
select
    pg_catalog.count(*) as files,                                   -- Files in the WAL directory.
    coalesce(pg_catalog.sum(w.size), 0)::bigint as size_bytes       -- Size of the WAL directory.
from pg_catalog.pg_ls_waldir() as w
