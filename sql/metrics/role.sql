-- Connections of roles that have a limit, one row per role.
-- @interval 15s
select
    r.rolname::text as usename,                    -- Role.
    r.rolconnlimit as connection_limit,            -- Connections allowed to the role.
    (
        select pg_catalog.count(*)
        from pg_catalog.pg_stat_activity as a
        where a.usesysid = r.oid
    ) as connections                               -- Connections the role has.
from pg_catalog.pg_roles as r
where r.rolconnlimit >= 0
    and r.rolcanlogin
