-- A policy lets the API list all files of a bucket.
-- @splinter 0025_public_bucket_allows_listing
-- @severity warning
-- @category security
-- @scope database
-- @lane side
-- Ramification: it looks at nothing but the bucket, so that whoever has the role can list
-- every file in it, with names, owners and times. Files of a public bucket are served by
-- their address without any policy, so there the policy does nothing else. Those of a
-- private bucket can be fetched by it as well: all of them, whoever put them there.
-- Cure: drop the policy where the bucket is public; else compare the owner or the folder
-- with who is asking, too. Mute the finding where everybody may know all files.
with
policies as (
    select
        p.oid,
        p.polrelid,
        p.polname,
        p.polroles,
        p.polqual::text as tree,
        (
            select a.attnum
            from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid
                and a.attname = 'bucket_id'
        ) as bucket
    from pg_catalog.pg_policy as p
    inner join pg_catalog.pg_class as c on c.oid = p.polrelid
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'storage'
        and c.relname = 'objects'
        and c.relrowsecurity
        and p.polpermissive
        and p.polcmd in ('r', '*')
),
broad as (
    select
        p.oid,
        pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ' and ' order by r.rolname) as roles
    from policies as p
    inner join pg_catalog.pg_roles as r
        on r.rolname = any (:'api_roles'::text[])
        and pg_catalog.has_any_column_privilege(r.oid, p.polrelid, 'select')
        and exists (
            select
            from pg_catalog.unnest(p.polroles) as g (oid)
            where g.oid = 0
                or pg_catalog.pg_has_role(r.oid, nullif(g.oid, 0), 'usage')
        )
    -- No function, setting, user or other table has a say.
    where p.tree !~ '\{(FUNCEXPR|SUBLINK|SQLVALUEFUNCTION|PARAM|COERCEVIAIO) '
        and case
            when p.tree like '%{VAR %' then p.tree !~ pg_catalog.format('\{VAR :varno 1 :varattno (?!%s )', p.bucket)
            else
                p.tree ~ '^\{CONST :consttype 16 [^{]*:constvalue 1 \[ (0 )*1 (0 )*\]\}$'
                or exists (
                    select
                    from pg_catalog.regexp_matches(
                        p.tree,
                        '^\{OPEXPR :opno (\d+) [^{]*:args \(\{CONST ([^{}]*) :location -?\d+ :constvalue ([^{}]*)\} \{CONST \2 :location -?\d+ :constvalue \3\}\) :location -?\d+\}$'
                    ) as m (groups)
                    inner join pg_catalog.pg_operator as o on o.oid = m.groups[1]::oid
                    where o.oprname = '='
                )
        end
        -- A restrictive policy narrows what the others allow.
        and not exists (
            select
            from pg_catalog.pg_policy as q
            where q.polrelid = p.polrelid
                and not q.polpermissive
                and q.polcmd in ('r', '*')
                and exists (
                    select
                    from pg_catalog.unnest(q.polroles) as g (oid)
                    where g.oid = 0
                        or pg_catalog.pg_has_role(r.oid, nullif(g.oid, 0), 'usage')
                )
        )
    group by p.oid
)
select
    'policy' as object_type,
    'storage' as schemaname,
    'objects.' || p.polname as name,
    pg_catalog.format(
        'policy %I on table storage.objects lets %s list all files of %s',
        p.polname,
        b.roles,
        case
            when p.tree like '%{VAR %' then 'a bucket'
            else 'every bucket'
        end
    ) as detail,
    '' as remedy,
    '' as undo
from broad as b
inner join policies as p on p.oid = b.oid
order by
    p.polname
