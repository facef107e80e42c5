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
        p.polname,
        n.nspname,
        c.relname,
        t.tree like '% 117 115 101 114 95 109 101 116 97 100 97 116 97 %' as names_claim,
        t.tree like '%{COERCEVIAIO :arg {FUNCEXPR %' and t.tree ~ '\{COERCEVIAIO .*:resulttype (114|3802) ' as makes_json
    from pg_catalog.pg_policy as p
    inner join pg_catalog.pg_class as c on c.oid = p.polrelid
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    cross join lateral pg_catalog.concat_ws(' ', p.polqual::text, p.polwithcheck::text) as t (tree)
    where c.relrowsecurity
),
calls as (
    select
        d.objid as policy,
        d.refobjid as function
    from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_policy'::regclass
        and d.refclassid = 'pg_catalog.pg_proc'::regclass
),
functions as (
    select
        r.oid,
        pg_catalog.format('%I.%I()', n.nspname, r.proname) as name,
        r.prorettype in ('pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype) as returns_json,
        -- A comment may say anything.
        r.prosrc like '%user_metadata%'
        and pg_catalog.regexp_replace(r.prosrc, '--[^\n]*|/\*.*?\*/', '', 'g')
            ~ '''[^'']*\muser_metadata\M[^'']*''' as names_claim
    from pg_catalog.pg_proc as r
    inner join pg_catalog.pg_namespace as n on n.oid = r.pronamespace
    where r.oid in (
        select k.function
        from calls as k
    )
),
called as (
    select
        k.policy,
        pg_catalog.bool_or(f.returns_json) as return_json,
        pg_catalog.string_agg(f.name, ' and ' order by f.name) filter (where f.names_claim) as naming_claim
    from calls as k
    inner join functions as f on f.oid = k.function
    group by k.policy
),
-- What the authentication service keeps it in.
columns as (
    select distinct
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
        nullif(
            pg_catalog.concat_ws(
                ' and ',
                case
                    when p.names_claim and (p.makes_json or f.return_json) then 'reads the claim user_metadata'
                end,
                case
                    when k.policy is not null then 'reads auth.users.raw_user_meta_data'
                end,
                case
                    when f.naming_claim is not null then 'calls ' || f.naming_claim || ', which reads user_metadata'
                end
            ),
            ''
        ) as text
    from policies as p
    left join called as f on f.policy = p.oid
    left join columns as k on k.policy = p.oid
)
select
    'policy' as object_type,
    p.nspname::text as schemaname,
    p.relname || '.' || p.polname as name,
    pg_catalog.format(
        'policy %I on table %I.%I %s: users write it themselves',
        p.polname,
        p.nspname,
        p.relname,
        w.text
    ) as detail,
    '' as remedy,
    '' as undo
from ways as w
inner join policies as p on p.oid = w.oid
where w.text is not null
order by
    p.nspname,
    p.relname,
    p.polname
