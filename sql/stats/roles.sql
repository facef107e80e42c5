-- Names of roles, which statements carry by oid.
-- @interval statements
select
    r.oid::bigint as oid,
    r.rolname::text as name
from pg_catalog.pg_roles as r
