-- Conversations of the platform begun within a week, and how many of them have counters
-- that differ from their messages, one row.
-- Reads a week of conversations and messages, by partition; hence so seldom.
-- @interval 6h
-- @scope database
-- @role primary
-- @timeout 60s
-- @lane side
select
    f.conversations as conversations,
    f.drifting as drifting
from (
    -- As a text, for elsewhere the function is missing; see pgvigil_organization.sql.
    select
        'select pg_catalog.array_to_tsvector(array[monitoring.conversation_figures()::text])' as query
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'monitoring'
        and p.proname = 'conversation_figures'
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
    conversations bigint,
    drifting bigint
)
