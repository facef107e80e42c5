-- Time of statements that are subject to policies, one row per table and role, in
-- milliseconds.
-- The daemon reports it: it parses what was recorded under roles that policies bind,
-- and probes what the policies cost by themselves. policy_name is "combined": neither
-- can be split between policies. The rating judges the probed cost (overhead_p95) where
-- there is one, else the time of the whole statements, which is never less than that of
-- the policies; rated_by says which. Without a daemon the catalogs tell only which tables
-- have policies: NO_DATA.
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
    source text,
    role_name text,
    rated_by text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $body$
declare
    reporter constant text := monitoring.reporting_target('rls_observations');
begin
    return query
    with recent as (
        select
            o.schemaname,
            o.tablename,
            o.policy_name as policy,
            r.role as role,
            o.calls,
            o.total_exec_time_ms,
            o.overhead_p50_ms,
            o.overhead_p95_ms,
            o.overhead_p99_ms,
            o.since,
            o.at
        from monitoring.rls_observations as o
        cross join lateral pg_catalog.unnest(o.role_names) as r (role)
        where
            o.target = reporter
            and o.datname = pg_catalog.current_database()
            -- A table without traffic keeps its last figures for a day.
            and o.at > pg_catalog.now() - '1 day'::interval
    ),

    observed as (
        select distinct on (n.schemaname, n.tablename, n.policy, n.role)
            n.schemaname,
            n.tablename,
            n.policy,
            n.role,
            n.calls,
            n.total_exec_time_ms / n.calls as mean_ms,
            n.since,
            n.at
        from recent as n
        where n.calls > 0
        order by
            n.schemaname,
            n.tablename,
            n.policy,
            n.role,
            n.at desc
    ),

    -- The last row whatever it holds: a cost that was probed under other policies is void.
    probed as (
        select distinct on (n.schemaname, n.tablename, n.policy, n.role)
            n.schemaname,
            n.tablename,
            n.policy,
            n.role,
            n.overhead_p50_ms,
            n.overhead_p95_ms,
            n.overhead_p99_ms,
            n.at
        from recent as n
        order by
            n.schemaname,
            n.tablename,
            n.policy,
            n.role,
            n.at desc
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

    measured as (
        select
            coalesce(o.schemaname, p.schemaname) as schemaname,
            coalesce(o.tablename, p.tablename) as tablename,
            coalesce(o.policy, p.policy) as policy,
            coalesce(o.role, p.role) as role,
            o.calls,
            o.mean_ms,
            p.overhead_p50_ms,
            p.overhead_p95_ms,
            p.overhead_p99_ms,
            o.since,
            coalesce(o.at, p.at) as at
        from observed as o
        full join probed as p
            on p.schemaname = o.schemaname
            and p.tablename = o.tablename
            and p.policy = o.policy
            and p.role = o.role
    ),

    joined as (
        select
            coalesce(m.schemaname, g.schemaname) as schemaname,
            coalesce(m.tablename, g.tablename) as tablename,
            coalesce(m.policy, 'combined') as policy,
            m.role,
            m.calls,
            m.mean_ms,
            m.overhead_p50_ms,
            m.overhead_p95_ms,
            m.overhead_p99_ms,
            m.since,
            m.at,
            coalesce(m.overhead_p95_ms, m.mean_ms) as rated_ms
        from guarded as g
        full join measured as m
            on m.schemaname = g.schemaname and m.tablename = g.tablename
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
        (case when reporter is null then 'catalog' else 'daemon' end)::text,
        j.role::text,
        (
            case
                when j.overhead_p95_ms is not null then 'probed'
                when j.mean_ms is not null then 'observed'
            end
        )::text
    from joined as j
    order by
        j.rated_ms desc nulls last,
        1,
        j.role;
end
$body$;

comment on function monitoring.analyze_rls_performance() is
    'Time of statements under policies and their probed cost, by table and role, in milliseconds.';
