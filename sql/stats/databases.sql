-- Names of databases, which statements carry by oid.
-- @interval statements
select
    d.oid::bigint as oid,
    d.datname::text as name
from pg_catalog.pg_database as d
