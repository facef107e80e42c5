-- Names of roles, which statements carry by oid, and whether policies bind them.
-- @interval statements
select
    r.oid::bigint as oid,
    r.rolname::text as name,
    (r.rolsuper or r.rolbypassrls) as bypasses_rls
from pg_catalog.pg_roles as r
