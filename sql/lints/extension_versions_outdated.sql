-- An extension is not at the version that the server offers.
-- @splinter 0022_extension_versions_outdated
-- @severity warning
-- @category security
-- @scope database
-- @lane side
-- @lock AccessExclusiveLock
-- @risk A newer version may change what its functions do: read its notes and try it first.
-- Ramification: the server's files are newer than what is installed in the database.
-- Corrections, of security too, are not in effect, and some functions may be missing that
-- the files' documentation describes. Upgrades of the server do not update extensions.
-- Cure: alter extension e update. There is seldom a way back but a backup.
select
    'extension' as object_type,
    n.nspname::text as schemaname,
    e.extname::text as name,
    pg_catalog.format(
        'extension %I is at version %s, the server offers %s',
        e.extname,
        e.extversion,
        a.default_version
    ) as detail,
    pg_catalog.format('alter extension %I update;', e.extname) as remedy,
    '' as undo
from pg_catalog.pg_extension as e
inner join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
inner join pg_catalog.pg_available_extensions() as a on a.name = e.extname
where a.default_version <> e.extversion
order by
    e.extname
