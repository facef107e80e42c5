-- What each policy's expressions name, one row per policy.
-- Read from the stored trees: pg_get_expr would wait for a lock on the table.
-- Relations are those of sub-selects; spaces inside names are escaped there, so no
-- name can look like the two fields. Functions of a user's operators count as called.
-- @interval catalog
-- @scope database
-- @timeout 20s
-- @lane side
select
    p.oid::bigint as policy,
    p.polrelid::bigint as relid,
    array(
        select distinct m.groups[1]::bigint
        from pg_catalog.regexp_matches(
            pg_catalog.concat(p.polqual::text, p.polwithcheck::text),
            ':rtekind 0 :relid (\d+)',
            'g'
        ) as m (groups)
        order by 1
    ) as relations,
    array(
        select distinct a.attrelid || '.' || a.attname::text
        from pg_catalog.pg_depend as d
        inner join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where d.classid = 'pg_catalog.pg_policy'::regclass
            and d.objid = p.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
            and d.refobjsubid > 0
        order by 1
    ) as columns,
    array(
        select f.oid::bigint
        from (
            select d.refobjid as oid
            from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_policy'::regclass
                and d.objid = p.oid
                and d.refclassid = 'pg_catalog.pg_proc'::regclass
            union
            select o.oprcode::oid as oid
            from pg_catalog.pg_depend as d
            inner join pg_catalog.pg_operator as o on o.oid = d.refobjid
            where d.classid = 'pg_catalog.pg_policy'::regclass
                and d.objid = p.oid
                and d.refclassid = 'pg_catalog.pg_operator'::regclass
        ) as f
        order by f.oid
    ) as functions,
    pg_catalog.md5(
        pg_catalog.concat_ws(
            '|',
            p.polcmd,
            p.polpermissive,
            p.polroles::text,
            pg_catalog.regexp_replace(p.polqual::text, l.places, '', 'g'),
            pg_catalog.regexp_replace(p.polwithcheck::text, l.places, '', 'g')
        )
    ) as hash
from pg_catalog.pg_policy as p
-- Before 17 a tree says where each node stood in the statement that made it: a policy
-- that was dropped and made again is the same one.
cross join (
    values (' :(?:stmt_)?(?:location|len) -?\d+')
) as l (places)
order by p.oid
