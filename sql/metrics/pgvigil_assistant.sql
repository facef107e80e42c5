-- Answers of the platform's agents within the last 24 hours, one row.
-- Reads the newest partitions by the index on created_date.
-- @interval 5m
-- @scope database
-- @timeout 15s
-- @lane side
select
    f.messages as messages,                                -- Messages of role assistant within 24 hours.
    f.processing_p95_seconds as processing_p95_seconds,    -- 95th percentile of their processing time.
    f.tokens as tokens,                                    -- Tokens they used.
    f.cost as cost                                         -- Their cost, in whole units of the currency.
from (
    -- As a text, for elsewhere the function is missing; see pgvigil_organization.sql.
    select
        'select pg_catalog.array_to_tsvector(array[monitoring.answer_figures()::text])' as query
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'monitoring'
        and p.proname = 'answer_figures'
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
    messages bigint,
    processing_p95_seconds double precision,
    tokens bigint,
    cost numeric
)
