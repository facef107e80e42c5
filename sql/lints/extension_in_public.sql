-- An extension lies in a schema that the API exposes.
-- @splinter 0014_extension_in_public
-- @severity warning
-- @category security
-- @scope database
-- @lane side
-- @lock AccessExclusiveLock
-- @risk Statements and functions that name it without its schema fail unless it is searched.
-- Ramification: its functions can be called through the API like your own, for EXECUTE on
-- them is granted to PUBLIC, and its tables and types appear there. A newer version may
-- bring more of them.
-- Cure: create schema extensions, and alter extension e set schema extensions; add it to
-- the search_path of the roles that use it. An extension that cannot be moved has to be
-- dropped and created again with that schema.
select
    'extension' as object_type,
    n.nspname::text as schemaname,
    e.extname::text as name,
    pg_catalog.format('extension %I lies in schema %I, which the API exposes', e.extname, n.nspname) as detail,
    case
        when s.name is null then ''
        else pg_catalog.format('alter extension %I set schema %I;', e.extname, s.name)
    end as remedy,
    case
        when s.name is null then ''
        else pg_catalog.format('alter extension %I set schema %I;', e.extname, n.nspname)
    end as undo
from pg_catalog.pg_extension as e
inner join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
left join lateral (
    select x.nspname as name
    from pg_catalog.pg_namespace as x
    where x.nspname = 'extensions'
        and e.extrelocatable
        and x.nspname <> all (:'exposed_schemas'::text[])
) as s on true
where n.nspname = any (:'exposed_schemas'::text[])
    -- Without roles of an API everything is in public, as it should.
    and exists (
        select
        from pg_catalog.pg_roles as r
        where r.rolname = any (:'api_roles'::text[])
            and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
    )
order by
    n.nspname,
    e.extname
