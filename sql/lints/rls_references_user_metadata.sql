-- A policy trusts what users write about themselves.
-- @splinter 0015_rls_references_user_metadata
-- @severity critical
-- @category security
-- @scope database
-- @lane side
-- Ramification: the claim user_metadata of a request comes from a column that every user
-- may change by a call of the authentication service. A role or an organization taken
-- from it is what the user says it is.
-- Cure: keep what decides on access in app_metadata, which only the service's
-- administrators change, or in a table of your own; then change the policy.
with
-- Text constants lie in node trees as bytes in decimal: this is user_metadata, as a whole
-- word or inside a path. A policy that compares a column with this very text has it, too,
-- so that there must be JSON that does not come from a column.
policies as (
    select
        p.oid,
        p.polrelid,
        p.polname,
        pg_catalog.concat_ws(' ', p.polqual::text, p.polwithcheck::text) as tree
    from pg_catalog.pg_policy as p
    inner join pg_catalog.pg_class as c on c.oid = p.polrelid
    where c.relrowsecurity
),
called as (
    select
        d.objid as policy,
        r.proname,
        n.nspname,
        r.prorettype in ('pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype) as returns_json,
        -- A comment may say anything.
        pg_catalog.regexp_replace(r.prosrc, '--[^\n]*|/\*.*?\*/', '', 'g')
            ~ '''[^'']*\muser_metadata\M[^'']*''' as names_it
    from pg_catalog.pg_depend as d
    inner join pg_catalog.pg_proc as r on r.oid = d.refobjid
    inner join pg_catalog.pg_namespace as n on n.oid = r.pronamespace
    where d.classid = 'pg_catalog.pg_policy'::regclass
        and d.refclassid = 'pg_catalog.pg_proc'::regclass
),
-- What the authentication service keeps it in.
columns as (
    select
        d.objid as policy
    from pg_catalog.pg_depend as d
    inner join pg_catalog.pg_attribute as a
        on a.attrelid = d.refobjid
        and a.attnum = d.refobjsubid
    inner join pg_catalog.pg_class as c on c.oid = a.attrelid
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where d.classid = 'pg_catalog.pg_policy'::regclass
        and d.refclassid = 'pg_catalog.pg_class'::regclass
        and d.refobjsubid > 0
        and a.attname = 'raw_user_meta_data'
        and c.relname = 'users'
        and n.nspname = 'auth'
),
ways as (
    select
        p.oid,
        case
            when p.tree like '% 117 115 101 114 95 109 101 116 97 100 97 116 97 %'
                and (
                    p.tree ~ '\{COERCEVIAIO :arg \{FUNCEXPR .*:resulttype (114|3802) '
                    or exists (
                        select
                        from called as f
                        where f.policy = p.oid
                            and f.returns_json
                    )
                )
                then 'reads the claim user_metadata'
        end as by_claim,
        (
            select 'reads auth.users.raw_user_meta_data'
            from columns as k
            where k.policy = p.oid
            limit 1
        ) as by_column,
        (
            select
                'calls '
                || pg_catalog.string_agg(
                    pg_catalog.format('%I.%I()', f.nspname, f.proname),
                    ' and '
                    order by f.nspname, f.proname
                )
                || ', which reads user_metadata'
            from called as f
            where f.policy = p.oid
                and f.names_it
        ) as by_function
    from policies as p
)
select
    'policy' as object_type,
    n.nspname::text as schemaname,
    c.relname || '.' || p.polname as name,
    pg_catalog.format(
        'policy %I on table %I.%I %s: users write it themselves',
        p.polname,
        n.nspname,
        c.relname,
        pg_catalog.concat_ws(' and ', w.by_claim, w.by_column, w.by_function)
    ) as detail,
    '' as remedy,
    '' as undo
from ways as w
inner join policies as p on p.oid = w.oid
inner join pg_catalog.pg_class as c on c.oid = p.polrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where coalesce(w.by_claim, w.by_column, w.by_function) is not null
order by
    n.nspname,
    c.relname,
    p.polname
