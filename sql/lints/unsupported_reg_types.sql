-- A column has a type that pg_upgrade refuses.
-- @splinter 0018_unsupported_reg_types
-- @severity warning
-- @category security
-- @scope database
-- @lane side
-- Ramification: it keeps the number of a function, operator, collation, schema or
-- configuration of text search. These numbers change with an upgrade, so pg_upgrade stops
-- before it begins. Arrays, domains, ranges and composites of these types count as well.
-- Cure: keep the name as text: alter table t alter column c type text using c::text, which
-- rewrites the table under a lock; regclass, regtype and regrole may stay.
with recursive
-- What is made of what: arrays, domains, ranges and composites.
made as (
    select
        t.oid as whole,
        p.oid as part
    from pg_catalog.pg_type as t
    cross join lateral (
        values
            (t.typelem),
            (t.typbasetype)
    ) as p (oid)
    where p.oid <> 0
    union all
    select
        r.rngtypid,
        r.rngsubtype
    from pg_catalog.pg_range as r
    union all
    select
        c.reltype,
        a.atttypid
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid
    where c.relkind = 'c'
        and a.attnum > 0
),
refused as (
    select
        t.oid
    from pg_catalog.pg_type as t
    where t.typnamespace = 'pg_catalog'::regnamespace
        and t.typname in (
            'regcollation',
            'regconfig',
            'regdictionary',
            'regnamespace',
            'regoper',
            'regoperator',
            'regproc',
            'regprocedure'
        )
    union
    select
        m.whole
    from refused as f
    inner join made as m on m.part = f.oid
)
select
    'table' as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format(
        'table %I.%I keeps what pg_upgrade refuses: %s',
        n.nspname,
        c.relname,
        pg_catalog.string_agg(
            pg_catalog.format('%I (%s)', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)),
            ', '
            order by a.attnum
        )
    ) as detail,
    '' as remedy,
    '' as undo
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_class as c on c.oid = a.attrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where a.attnum > 0
    and not a.attisdropped
    -- As an array: otherwise all columns are sorted to find the few.
    and a.atttypid = any (
        array(
            select f.oid
            from refused as f
        )
    )
    and c.relkind in ('r', 'p', 'm')
    -- A partition has its parent's columns.
    and not c.relispartition
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
group by
    n.nspname,
    c.relname
order by
    n.nspname,
    c.relname
