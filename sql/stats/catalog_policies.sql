-- Row level security policies without their expressions, one row per policy.
-- @interval catalog
-- @scope database
-- @timeout 20s
-- @lane side
select
    p.oid::bigint as oid,
    p.polname::text as name,
    p.polrelid::bigint as relid,
    p.polcmd::text as command,
    p.polpermissive as is_permissive,
    array(
        select case when r.oid = 0 then 'public' else pg_catalog.pg_get_userbyid(r.oid)::text end
        from pg_catalog.unnest(p.polroles) as r (oid)
    ) as roles,
    p.polqual is not null as has_using,
    p.polwithcheck is not null as has_check,
    pg_catalog.hashtextextended(pg_catalog.concat_ws('|', p.xmin, c.xmin), 0) as structure
from pg_catalog.pg_policy as p
inner join pg_catalog.pg_class as c on c.oid = p.polrelid
order by p.oid
