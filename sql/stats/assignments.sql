-- Assignments of the platform that have ended and are still marked active, one row.
-- No row where the platform is missing or its function is not ours to call.
-- @interval 15m
-- @scope database
-- @role primary
-- @timeout 15s
-- @lane side
select
    f.expired as expired,
    f.longest_seconds as longest_seconds
from (
    -- As a text, for elsewhere the function is missing; see pgvigil_organization.sql.
    select
        'select pg_catalog.array_to_tsvector(array[monitoring.assignment_figures()::text])' as query
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'monitoring'
        and p.proname = 'assignment_figures'
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
    expired bigint,
    longest_seconds double precision
)
