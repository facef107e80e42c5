-- A view shows the API what row level security hides.
-- @splinter 0010_security_definer_view
-- @severity critical
-- @category security
-- @scope database
-- @lane side
-- Ramification: a view reads its tables as its owner unless it is declared
-- security_invoker, and no policy applies to an owner who owns the table or has
-- BYPASSRLS. Whoever may select from the view sees every row. A materialized view keeps
-- what its owner saw, and cannot have policies of its own.
-- Cure: on 15 and later alter view v set (security_invoker = true); its readers then need
-- their own privileges on what it reads. Before 15, and for materialized views, revoke
-- SELECT from the roles of the API, and serve the rows by a function that filters them.
with recursive
views as (
    select
        c.oid,
        c.relkind,
        c.relname,
        c.relowner,
        n.oid as schema,
        n.nspname,
        exists (
            select
            from pg_catalog.pg_options_to_table(c.reloptions) as o
            where o.option_name = 'security_invoker'
                and o.option_value::boolean
        ) as is_invoker
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm')
        and n.nspname !~ '^pg_'
        and n.nspname <> 'information_schema'
),
reads as (
    select distinct
        v.oid as view,
        d.refobjid as relation
    from views as v
    inner join pg_catalog.pg_rewrite as r
        on r.ev_class = v.oid
        and r.rulename = '_RETURN'
    inner join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_rewrite'::regclass
        and d.objid = r.oid
        and d.refclassid = 'pg_catalog.pg_class'::regclass
        and d.refobjid <> v.oid
),
-- Views in views. One with security_invoker reads as whoever runs the statement, whatever
-- is around it: the caller, or the owner of a materialized view that is refreshed.
walk as (
    select
        v.oid as view,
        case v.relkind
            when 'm' then v.relowner
        end as refreshed_by,
        v.relowner as reader,
        r.relation
    from views as v
    inner join reads as r on r.view = v.oid
    where not v.is_invoker
        and exists (
            select
            from pg_catalog.pg_roles as o
            where o.rolname = any (:'api_roles'::text[])
                and pg_catalog.has_schema_privilege(o.oid, v.schema, 'usage')
                and pg_catalog.has_any_column_privilege(o.oid, v.oid, 'select')
        )
    union
    select
        w.view,
        case v.relkind
            when 'm' then v.relowner
            else w.refreshed_by
        end as refreshed_by,
        case
            when v.is_invoker then w.refreshed_by
            else v.relowner
        end as reader,
        r.relation
    from walk as w
    inner join views as v on v.oid = w.relation
    inner join reads as r on r.view = v.oid
    where not v.is_invoker
        or w.refreshed_by is not null
),
bypassed as (
    select
        w.view,
        pg_catalog.string_agg(
            distinct pg_catalog.format('%I.%I', n.nspname, t.relname),
            ', '
            order by pg_catalog.format('%I.%I', n.nspname, t.relname)
        ) as tables
    from walk as w
    inner join pg_catalog.pg_class as t on t.oid = w.relation
    inner join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
    inner join pg_catalog.pg_roles as o on o.oid = w.reader
    where t.relrowsecurity
        and (
            o.rolsuper
            or o.rolbypassrls
            or (
                not t.relforcerowsecurity
                and pg_catalog.pg_has_role(o.oid, t.relowner, 'usage')
            )
        )
    group by w.view
)
select
    case v.relkind
        when 'm' then 'materialized view'
        else 'view'
    end as object_type,
    v.nspname::text as schemaname,
    v.relname::text as name,
    pg_catalog.format(
        '%s %I.%I shows roles of the API every row of %s',
        case v.relkind
            when 'm' then 'materialized view'
            else 'view'
        end,
        v.nspname,
        v.relname,
        b.tables
    ) as detail,
    case
        when s.has_option and v.relkind = 'v'
            then pg_catalog.format('alter view %I.%I set (security_invoker = true);', v.nspname, v.relname)
        else ''
    end as remedy,
    case
        when s.has_option and v.relkind = 'v'
            then pg_catalog.format('alter view %I.%I reset (security_invoker);', v.nspname, v.relname)
        else ''
    end as undo
from bypassed as b
inner join views as v on v.oid = b.view
cross join (
    select pg_catalog.current_setting('server_version_num')::integer >= 150000 as has_option
) as s
order by
    v.nspname,
    v.relname
