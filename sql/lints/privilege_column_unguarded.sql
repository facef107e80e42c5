-- A user may change a column that decides what they may do.
-- @severity warning
-- @category security
-- @scope database
-- @lane side
-- Ramification: the policy lets a role update rows by looking at other columns than
-- this one, nothing checks the new value, and the role may write the column. Whoever
-- may update their own row makes themselves an administrator, or a member of another
-- organization. Columns are recognised by their names alone, and a trigger is taken for a
-- guard if it is for the column or its function names it.
-- Cure: compare the column in WITH CHECK, or reject its change in a BEFORE UPDATE
-- trigger. Or take it away from the role: revoke update on the table, then grant update
-- on the other columns (revoking a column while the table is granted has no effect).
with
columns as (
    select
        a.attrelid,
        a.attnum,
        a.attname,
        a.attname in ('org_id', 'organization_id', 'tenant', 'tenant_id') as is_place
    from pg_catalog.pg_attribute as a
    where a.attnum > 0
        and not a.attisdropped
        and a.attgenerated = ''
        and a.attname in (
            'account_role',
            'admin',
            'app_role',
            'is_admin',
            'is_moderator',
            'is_owner',
            'is_staff',
            'is_super_admin',
            'is_superuser',
            'org_id',
            'organization_id',
            'permissions',
            'role',
            'role_id',
            'roles',
            'superuser',
            'tenant',
            'tenant_id',
            'user_role'
        )
),
-- Whom each policy lets change rows, and what the new row must satisfy: USING where there
-- is no WITH CHECK. A policy that looks at no column of its row says who, not which rows.
-- One without an equality takes rows from a set that somebody manages, and to place them
-- is what it is for.
policies as (
    select
        p.oid,
        p.polrelid,
        p.polname,
        p.polroles,
        coalesce(p.polwithcheck, p.polqual)::text as check_tree,
        exists (
            select
            from pg_catalog.regexp_matches(
                coalesce(p.polwithcheck, p.polqual)::text,
                '\{OPEXPR :opno (\d+) ',
                'g'
            ) as m (groups)
            inner join pg_catalog.pg_operator as o on o.oid = m.groups[1]::oid
            where o.oprname = '='
        ) as has_equality
    from pg_catalog.pg_policy as p
    inner join pg_catalog.pg_class as c on c.oid = p.polrelid
    where c.relrowsecurity
        and p.polpermissive
        and p.polcmd in ('w', '*')
        and exists (
            select
            from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_policy'::regclass
                and d.objid = p.oid
                and d.refclassid = 'pg_catalog.pg_class'::regclass
                and d.refobjid = p.polrelid
                and d.refobjsubid > 0
        )
)
select
    'policy' as object_type,
    n.nspname::text as schemaname,
    c.relname || '.' || p.polname as name,
    pg_catalog.format(
        'policy %I on table %I.%I lets %s change %s',
        p.polname,
        n.nspname,
        c.relname,
        pg_catalog.string_agg(distinct pg_catalog.quote_ident(r.rolname), ' and ' order by pg_catalog.quote_ident(r.rolname)),
        pg_catalog.string_agg(distinct pg_catalog.quote_ident(a.attname), ' and ' order by pg_catalog.quote_ident(a.attname))
    ) as detail,
    '' as remedy,
    '' as undo
from policies as p
inner join pg_catalog.pg_class as c on c.oid = p.polrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
inner join columns as a
    on a.attrelid = c.oid
    and (p.has_equality or not a.is_place)
inner join pg_catalog.pg_roles as r
    on (
        r.oid = any (p.polroles)
        or (p.polroles = array[0]::oid[] and r.rolname = any (:'api_roles'::text[]))
    )
    and not r.rolsuper
    and not r.rolbypassrls
where p.check_tree !~ (':varno 1 :varattno ' || a.attnum || ' ')
    and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
    and pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'update')
    and not exists (
        select
        from pg_catalog.pg_trigger as t
        inner join pg_catalog.pg_proc as f on f.oid = t.tgfoid
        where t.tgrelid = c.oid
            and not t.tgisinternal
            and t.tgenabled <> 'D'
            -- TRIGGER_TYPE_ROW, _BEFORE and _UPDATE together.
            and t.tgtype & 19 = 19
            and (t.tgattr::text = '' or a.attnum = any (t.tgattr::smallint[]))
            -- One that keeps a time of change guards nothing.
            and (f.prosrc ~ ('\m' || a.attname || '\M') or a.attnum = any (t.tgattr::smallint[]))
    )
    and not exists (
        select
        from pg_catalog.pg_policy as s
        where s.polrelid = c.oid
            and not s.polpermissive
            and s.polcmd in ('w', '*')
            and coalesce(s.polwithcheck, s.polqual)::text ~ (':varno 1 :varattno ' || a.attnum || ' ')
    )
group by
    n.nspname,
    c.relname,
    p.polname
order by
    n.nspname,
    c.relname,
    p.polname
