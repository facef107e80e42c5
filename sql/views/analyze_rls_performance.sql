-- Time of statements that are subject to policies, one row per table, in milliseconds.
-- The daemon reports it: it parses what was recorded under roles that policies bind.
-- policy_name is "combined": recorded time cannot be split between policies. The rating
-- judges the probed cost (overhead_p95) where there is one, else the time of the whole
-- statements, which is never less than that of the policies. Without a daemon the
-- catalogs tell only which tables have policies: NO_DATA.
-- @scope control

create or replace function monitoring.analyze_rls_performance()
returns table (
    table_name text,
    policy_name text,
    avg_execution_time numeric,
    total_executions bigint,
    performance_rating text,
    overhead_p50 numeric,
    overhead_p95 numeric,
    overhead_p99 numeric,
    observed_since timestamptz,
    observed_until timestamptz,
    source text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $body$
declare
    reporter constant text := monitoring.reporting_target('rls_observations');
begin
    return query
    with observed as (
        select distinct on (o.schemaname, o.tablename, o.policy_name)
            o.schemaname,
            o.tablename,
            o.policy_name as policy,
            o.calls,
            o.total_exec_time_ms / nullif(o.calls, 0) as mean_ms,
            o.overhead_p50_ms,
            o.overhead_p95_ms,
            o.overhead_p99_ms,
            o.since,
            o.at
        from monitoring.rls_observations as o
        where
            o.target = reporter
            and o.datname = pg_catalog.current_database()
            -- A table without traffic keeps its last figures for a day.
            and o.at > pg_catalog.now() - '1 day'::interval
        order by
            o.schemaname,
            o.tablename,
            o.policy_name,
            o.at desc
    ),

    guarded as (
        select
            n.nspname::text as schemaname,
            c.relname::text as tablename
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where
            c.relrowsecurity
            and not monitoring.is_managed_schema(n.nspname)
            and exists (
                select
                from pg_catalog.pg_policy as p
                where p.polrelid = c.oid
            )
    ),

    joined as (
        select
            coalesce(o.schemaname, g.schemaname) as schemaname,
            coalesce(o.tablename, g.tablename) as tablename,
            coalesce(o.policy, 'combined') as policy,
            o.calls,
            o.mean_ms,
            o.overhead_p50_ms,
            o.overhead_p95_ms,
            o.overhead_p99_ms,
            o.since,
            o.at,
            coalesce(o.overhead_p95_ms, o.mean_ms) as rated_ms
        from guarded as g
        full join observed as o
            on o.schemaname = g.schemaname and o.tablename = g.tablename
    )

    select
        pg_catalog.format('%I.%I', j.schemaname, j.tablename)::text,
        j.policy::text,
        pg_catalog.round(j.mean_ms::numeric, 3)::numeric,
        j.calls::bigint,
        (
            case
                when j.rated_ms is null then 'NO_DATA'
                when j.rated_ms < 1 then 'EXCELLENT'
                when j.rated_ms < 10 then 'GOOD'
                when j.rated_ms < 100 then 'ACCEPTABLE'
                else 'NEEDS_OPTIMIZATION'
            end
        )::text,
        pg_catalog.round(j.overhead_p50_ms::numeric, 3)::numeric,
        pg_catalog.round(j.overhead_p95_ms::numeric, 3)::numeric,
        pg_catalog.round(j.overhead_p99_ms::numeric, 3)::numeric,
        j.since::timestamptz,
        j.at::timestamptz,
        (case when reporter is null then 'catalog' else 'daemon' end)::text
    from joined as j
    order by
        j.rated_ms desc nulls last,
        1;
end
$body$;

comment on function monitoring.analyze_rls_performance() is
    'Time of statements that are subject to policies, one row per table, in milliseconds.';
