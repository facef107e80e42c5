-- An index cannot be used for the conditions of users whom policies bind.
-- @severity info
-- @category performance
-- @scope database
-- @lane side
-- Ramification: PostgreSQL evaluates a policy before any condition that could tell
-- something about rows it hides. Only operators that are declared leakproof may come
-- first, as an index condition must. No operator of this index is, or its expression
-- calls a function that is not: a user's search reads the whole table, the same search
-- by the owner takes the index. Whether bound users search by it at all, the catalog does
-- not tell. Unique indexes and those on a policy's columns are left out.
-- Cure: search in a function that runs with its owner's rights, checks what the user may
-- see, and returns only that. A superuser may declare a function leakproof, if it
-- raises no error that depends on its arguments. If only bound roles search, drop it.
select
    'index' as object_type,
    n.nspname::text as schemaname,
    x.relname::text as name,
    pg_catalog.format(
        'index %I on table %I.%I serves no condition of users under row level security: %s not leakproof',
        x.relname,
        n.nspname,
        c.relname,
        case
            when k.has_expression then 'its expression is'
            else 'operators of ' || k.classes || ' are'
        end
    ) as detail,
    '' as remedy,
    '' as undo
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on c.oid = i.indrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
inner join pg_catalog.pg_class as x on x.oid = i.indexrelid
cross join lateral (
    select
        pg_catalog.bool_and(not s.is_leakproof) as is_unusable,
        pg_catalog.bool_or(s.attnum = 0) as has_expression,
        pg_catalog.string_agg(distinct s.class, ' and ' order by s.class) as classes
    from (
        select
            a.attnum,
            o.opcname::text as class,
            exists (
                select
                from pg_catalog.pg_amop as m
                inner join pg_catalog.pg_operator as r on r.oid = m.amopopr
                inner join pg_catalog.pg_proc as f on f.oid = r.oprcode
                where m.amopfamily = o.opcfamily
                    and m.amoplefttype = o.opcintype
                    and m.amoppurpose = 's'
                    and f.proleakproof
            )
            -- With several expressions the tree does not say which call is whose.
            and (
                a.attnum <> 0
                or e.expressions > 1
                or not exists (
                    select
                    from pg_catalog.regexp_matches(i.indexprs::text, ':(?:funcid|opfuncid) (\d+)', 'g') as t (groups)
                    inner join pg_catalog.pg_proc as f on f.oid = t.groups[1]::oid
                    where not f.proleakproof
                )
            ) as is_leakproof
        from rows from (
            pg_catalog.unnest(i.indkey::smallint[]),
            pg_catalog.unnest(i.indclass::oid[])
        ) with ordinality as a (attnum, opclass, position)
        inner join pg_catalog.pg_opclass as o on o.oid = a.opclass
        cross join lateral (
            select pg_catalog.count(*) as expressions
            from pg_catalog.unnest(i.indkey::smallint[]) as u (attnum)
            where u.attnum = 0
        ) as e
        where a.position <= i.indnkeyatts
    ) as s
) as k
where c.relrowsecurity
    and i.indisvalid
    and not i.indisunique
    and not i.indisexclusion
    and k.is_unusable
    and exists (
        select
        from pg_catalog.pg_policy as p
        where p.polrelid = c.oid
            and p.polcmd in ('r', '*')
            and p.polqual is not null
            and p.polqual::text not like '{CONST %'
            and (
                0 = any (p.polroles)
                or exists (
                    select
                    from pg_catalog.pg_roles as o
                    where o.oid = any (p.polroles)
                        and not (o.rolsuper or o.rolbypassrls)
                )
            )
    )
    and not exists (
        select
        from pg_catalog.pg_policy as p
        inner join pg_catalog.pg_depend as d
            on d.classid = 'pg_catalog.pg_policy'::regclass
            and d.objid = p.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
            and d.refobjid = c.oid
            and d.refobjsubid > 0
            and d.refobjsubid = any (i.indkey::smallint[])
        where p.polrelid = c.oid
    )
order by
    n.nspname,
    x.relname
