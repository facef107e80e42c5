-- Storage of the platform's organizations, one row each, the twenty nearest to their limit.
-- All others are one row, "(others)". monitoring.storage_figures() says what is counted:
-- of tables with more than 10,000 pages only so many are measured.
-- @interval 15m
-- @scope database
-- @timeout 30s
-- @max_series 50
-- @lane side
select
    f.organization as organization,                        -- Name of the organization.
    f.storage_limit_bytes as storage_limit_bytes,          -- Agreed storage.
    f.storage_used_bytes as storage_used_bytes             -- Content items and their versions as stored, estimated where tables are large.
from (
    -- Elsewhere the function is missing, and a statement that names it would fail. So it
    -- is named in a text, which ts_stat() runs where there is something to run; words
    -- of a tsvector may be any text. What it is bound to here runs with its owner's
    -- rights and returns a built-in type: no code of others gets ours.
    select
        'select pg_catalog.array_to_tsvector(array(select e.value::text'
        ' from pg_catalog.jsonb_array_elements(monitoring.storage_figures()) as e))' as query
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'monitoring'
        and p.proname = 'storage_figures'
        and p.pronargs = 0
        and p.prosecdef
        and not p.proretset
        and p.prorettype = 'pg_catalog.jsonb'::regtype
        and pg_catalog.has_schema_privilege(n.oid, 'usage')
        and pg_catalog.has_function_privilege(p.oid, 'execute')
    -- Else the planner may run the text, a constant, before it looks for the row.
    offset 0
) as q
cross join lateral pg_catalog.ts_stat(q.query) as s
cross join lateral pg_catalog.jsonb_to_record(s.word::jsonb) as f (
    organization text,
    storage_limit_bytes bigint,
    storage_used_bytes bigint
)
