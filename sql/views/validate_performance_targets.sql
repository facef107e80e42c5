-- The targets of the specification with the figures that the daemon reported last.
-- NO_DATA where nobody measured: that is neither PASS nor FAIL. Times are in
-- milliseconds, availability in percent. Without a daemon the average query time comes
-- from all statements recorded so far with more than 100 calls, and a notice says so.
-- @scope control

create or replace function monitoring.validate_performance_targets()
returns table (
    metric_name text,
    current_value numeric,
    target_value numeric,
    status text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $body$
declare
    reporter constant text := monitoring.reporting_target('samples');
begin
    if reporter is null then
        raise notice 'no daemon reports: figures are averages since the counters began';
    end if;
    return query
    with targets (place, name, metric, target, is_lower_bound) as (
        values
            (1, 'avg_query_time', 'avg_query_time_ms', 100.0, false),
            (2, 'p95_query_time', 'p95_query_time_ms', 100, false),
            (3, 'rls_policy_performance', 'rls_policy_performance_ms', 10.0, false),
            (4, 'ai_response_p95', 'ai_response_p95_ms', 15000, false),
            (5, 'api_p99_db', 'api_p99_db_ms', 1000, false),
            (6, 'availability', 'availability_percent', 99.9, true)
    ),

    reported as (
        select
            s.metric_name as metric,
            pg_catalog.max(s.value) as highest,
            pg_catalog.min(s.value) as lowest
        from monitoring.samples as s
        join monitoring.reports as r
            on r.target = s.target and r.kind = 'samples' and r.reported_at = s.at
        where s.target = reporter
        group by s.metric_name
    ),

    recorded as (
        select
            'avg_query_time_ms' as metric,
            pg_catalog.sum(s.total_exec_time)
            / nullif(pg_catalog.sum(s.calls), 0) as mean
        from monitoring.statements() as s
        where s.calls > 100
    ),

    measured as (
        select
            t.place,
            t.name,
            t.target,
            t.is_lower_bound,
            pg_catalog.round(
                coalesce(
                    case when t.is_lower_bound then p.lowest else p.highest end,
                    c.mean
                )::numeric,
                2
            ) as value
        from targets as t
        left join reported as p on p.metric = t.metric
        left join recorded as c on c.metric = t.metric
    )

    select
        m.name::text,
        m.value::numeric,
        m.target::numeric,
        (
            case
                when m.value is null then 'NO_DATA'
                when m.is_lower_bound and m.value >= m.target then 'PASS'
                when not m.is_lower_bound and m.value <= m.target then 'PASS'
                else 'FAIL'
            end
        )::text
    from measured as m
    order by m.place;
end
$body$;

comment on function monitoring.validate_performance_targets() is
    'The targets of the specification with the figures that the daemon reported last.';
