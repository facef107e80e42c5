-- Several permissive policies of a table apply to the same role and command.
-- @splinter 0006_multiple_permissive_policies
-- @severity warning
-- @category performance
-- @scope database
-- @lane side
-- Ramification: PostgreSQL joins them with OR and evaluates, for each row that the first
-- ones do not admit, all the others. An OR of conditions on several columns seldom finds
-- one index that serves it.
-- Cure: merge them into one policy per role and command, with the cheapest and most
-- frequent condition first. A policy FOR ALL counts for every command: write it for those
-- that need it. Policies of roles that are granted to another count for that one, too.
with
policies as (
    select
        p.oid,
        p.polrelid,
        p.polname,
        p.polcmd,
        p.polroles
    from pg_catalog.pg_policy as p
    inner join pg_catalog.pg_class as c on c.oid = p.polrelid
    where c.relrowsecurity
        and p.polpermissive
        and exists (
            select
            from pg_catalog.pg_policy as o
            where o.polrelid = p.polrelid
                and o.oid <> p.oid
                and o.polpermissive
        )
),
-- Zero is whoever no policy names.
roles as (
    select
        p.polrelid,
        g.oid
    from policies as p
    cross join lateral pg_catalog.unnest(p.polroles) as g (oid)
    union
    select
        p.polrelid,
        r.oid
    from policies as p
    inner join pg_catalog.pg_roles as r on r.rolname = any (:'api_roles'::text[])
),
members as (
    select
        t.polrelid,
        t.oid as role,
        p.polname,
        p.polcmd
    from roles as t
    left join pg_catalog.pg_roles as r on r.oid = t.oid
    inner join policies as p
        on p.polrelid = t.polrelid
        and exists (
            select
            from pg_catalog.unnest(p.polroles) as g (oid)
            where g.oid in (0, t.oid)
                or pg_catalog.pg_has_role(nullif(t.oid, 0), nullif(g.oid, 0), 'usage')
        )
    where r.rolsuper is not true
        and r.rolbypassrls is not true
),
sets as (
    select
        m.polrelid,
        m.role,
        k.name as command,
        pg_catalog.array_agg(m.polname order by m.polname) as policies
    from members as m
    inner join (
        values
            ('a', 'insert'),
            ('d', 'delete'),
            ('r', 'select'),
            ('w', 'update')
    ) as k (code, name) on m.polcmd in ('*', k.code)
    group by
        m.polrelid,
        m.role,
        k.name
    having pg_catalog.count(*) > 1
),
-- What holds for everybody is said once.
told as (
    select
        s.polrelid,
        case s.role
            when 0 then 'public'
            else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.role))
        end as role,
        s.policies,
        pg_catalog.string_agg(s.command, ', ' order by s.command) as commands
    from sets as s
    left join sets as e
        on e.polrelid = s.polrelid
        and e.command = s.command
        and e.role = 0
        and s.role <> 0
    where e.policies is distinct from s.policies
    group by
        s.polrelid,
        s.role,
        s.policies
),
spelled as (
    select
        t.polrelid,
        pg_catalog.format(
            '%s for %s (%s)',
            t.commands,
            pg_catalog.string_agg(t.role, ' and ' order by t.role),
            pg_catalog.array_to_string(
                array(
                    select pg_catalog.quote_ident(p.name)
                    from pg_catalog.unnest(t.policies) as p (name)
                ),
                ', '
            )
        ) as text
    from told as t
    group by
        t.polrelid,
        t.commands,
        t.policies
)
select
    'table' as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format(
        'table %I.%I has several permissive policies at once: %s',
        n.nspname,
        c.relname,
        pg_catalog.string_agg(s.text, '; ' order by s.text)
    ) as detail,
    '' as remedy,
    '' as undo
from spelled as s
inner join pg_catalog.pg_class as c on c.oid = s.polrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
group by
    n.nspname,
    c.relname
order by
    n.nspname,
    c.relname
