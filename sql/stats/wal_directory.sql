-- Files in the WAL directory, one row, beside what the settings allow for.
-- Every file's size is asked of the file system.
-- @requires wal_directory
-- @lane side
select
    pg_catalog.count(*) as files,                                   -- Files in the WAL directory.
    coalesce(pg_catalog.sum(w.size), 0)::bigint as size_bytes,      -- Size of the WAL directory.
    (
        select pg_catalog.sum(pg_catalog.pg_size_bytes(s.setting || s.unit))::bigint
        from pg_catalog.pg_settings as s
        where s.name in ('max_wal_size', 'wal_keep_size')
    ) as expected_bytes
from pg_catalog.pg_ls_waldir() as w
