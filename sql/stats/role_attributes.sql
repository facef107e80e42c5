-- Roles with what decides whether policies bind them, one row per role.
-- Memberships are followed as the server does for privileges: before 16 a role
-- inherits or not as a whole, from 16 each grant says so.
-- @interval catalog
-- @scope server
-- @timeout 20s
-- @lane side
with recursive held (role, oid) as (
    select
        r.oid,
        r.oid
    from pg_catalog.pg_roles as r
    union
    select
        h.role,
        m.roleid
    from held as h
    inner join pg_catalog.pg_auth_members as m on m.member = h.oid
    inner join pg_catalog.pg_roles as r on r.oid = m.member
    -- As JSON, since older servers lack the column.
    where coalesce((pg_catalog.to_jsonb(m) ->> 'inherit_option')::boolean, r.rolinherit)
)
select
    r.oid::bigint as oid,
    r.rolname::text as rolname,
    r.rolsuper as is_superuser,
    (r.rolsuper or r.rolbypassrls) as bypasses_rls,
    r.rolcanlogin as can_login,
    array(
        select pg_catalog.pg_get_userbyid(h.oid)::text
        from held as h
        where h.role = r.oid
        order by 1
    ) as privileges_of,
    array(
        select distinct s.setting
        from pg_catalog.pg_db_role_setting as d
        cross join lateral pg_catalog.unnest(d.setconfig) as s (setting)
        where d.setrole = r.oid
            and (s.setting like 'search\_path=%' or s.setting like 'row\_security=%')
        order by 1
    ) as settings
from pg_catalog.pg_roles as r
order by r.oid
