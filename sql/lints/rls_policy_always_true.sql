-- A policy lets the API change rows without a condition.
-- @splinter 0024_rls_policy_always_true
-- @severity warning
-- @category security
-- @scope database
-- @lane side
-- Ramification: its condition holds for every row, as (true) or (1 = 1) do, and it is for
-- a command that writes. Row level security is on, and yet whoever has the role may
-- insert what he likes, or change or delete what belongs to others. A policy for UPDATE
-- with a condition in USING and none in WITH CHECK lets rows be given away.
-- Cure: compare a column with who is asking, for instance
-- (owner = (select auth.uid())), in USING and in WITH CHECK; or revoke the privilege to
-- write. Policies that only read are left alone, for some tables are public.
with
trees as materialized (
    select
        p.oid,
        p.polrelid,
        p.polname,
        p.polcmd,
        p.polpermissive,
        p.polroles,
        p.polqual::text as using_tree,
        p.polwithcheck::text as check_tree
    from pg_catalog.pg_policy as p
    inner join pg_catalog.pg_class as c on c.oid = p.polrelid
    where c.relrowsecurity
),
-- Neither a column nor a function is in these trees, so that they hold for all or for none.
policies as materialized (
    select
        p.oid,
        p.polrelid,
        p.polname,
        p.polcmd,
        p.polpermissive,
        p.polroles,
        coalesce(u.is_true, false) as uses_all,
        coalesce(k.is_true, u.is_true, false) as accepts_all
    from trees as p
    cross join lateral (
        select
            p.using_tree ~ '^\{CONST :consttype 16 [^{]*:constvalue 1 \[ (0 )*1 (0 )*\]\}$'
            or exists (
                select
                from pg_catalog.regexp_matches(
                    p.using_tree,
                    '^\{OPEXPR :opno (\d+) [^{]*:args \(\{CONST ([^{}]*) :location -?\d+ :constvalue ([^{}]*)\} \{CONST \2 :location -?\d+ :constvalue \3\}\) :location -?\d+\}$'
                ) as m (groups)
                inner join pg_catalog.pg_operator as o on o.oid = m.groups[1]::oid
                where o.oprname = '='
            ) as is_true
    ) as u
    cross join lateral (
        select
            p.check_tree ~ '^\{CONST :consttype 16 [^{]*:constvalue 1 \[ (0 )*1 (0 )*\]\}$'
            or exists (
                select
                from pg_catalog.regexp_matches(
                    p.check_tree,
                    '^\{OPEXPR :opno (\d+) [^{]*:args \(\{CONST ([^{}]*) :location -?\d+ :constvalue ([^{}]*)\} \{CONST \2 :location -?\d+ :constvalue \3\}\) :location -?\d+\}$'
                ) as m (groups)
                inner join pg_catalog.pg_operator as o on o.oid = m.groups[1]::oid
                where o.oprname = '='
            ) as is_true
    ) as k
),
allowed as (
    select
        p.oid,
        r.rolname,
        pg_catalog.string_agg(w.name, ', ' order by w.name) as commands
    from policies as p
    cross join lateral (
        values
            ('a', 'insert', p.accepts_all),
            ('d', 'delete', p.uses_all),
            ('w', 'update', p.uses_all or p.accepts_all)
    ) as w (code, name, is_open)
    inner join pg_catalog.pg_roles as r
        on r.rolname = any (:'api_roles'::text[])
        and exists (
            select
            from pg_catalog.unnest(p.polroles) as g (oid)
            where g.oid = 0
                or pg_catalog.pg_has_role(r.oid, nullif(g.oid, 0), 'usage')
        )
    where p.polpermissive
        and w.is_open
        and p.polcmd in ('*', w.code)
        and case w.name
            when 'delete' then pg_catalog.has_table_privilege(r.oid, p.polrelid, w.name)
            else pg_catalog.has_any_column_privilege(r.oid, p.polrelid, w.name)
        end
        -- A restrictive policy narrows what the others allow.
        and not exists (
            select
            from policies as q
            where q.polrelid = p.polrelid
                and not q.polpermissive
                and q.polcmd in ('*', w.code)
                and not (q.uses_all or q.accepts_all)
                and exists (
                    select
                    from pg_catalog.unnest(q.polroles) as g (oid)
                    where g.oid = 0
                        or pg_catalog.pg_has_role(r.oid, nullif(g.oid, 0), 'usage')
                )
        )
    group by
        p.oid,
        r.rolname
)
select
    'policy' as object_type,
    n.nspname::text as schemaname,
    c.relname || '.' || p.polname as name,
    pg_catalog.format(
        'policy %I on table %I.%I sets no condition: %s',
        p.polname,
        n.nspname,
        c.relname,
        pg_catalog.string_agg(
            pg_catalog.quote_ident(a.rolname) || ' may ' || a.commands,
            '; '
            order by a.rolname
        )
    ) as detail,
    '' as remedy,
    '' as undo
from allowed as a
inner join policies as p on p.oid = a.oid
inner join pg_catalog.pg_class as c on c.oid = p.polrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
group by
    n.nspname,
    c.relname,
    p.polname
order by
    n.nspname,
    c.relname,
    p.polname
