-- What is beyond its warning or critical level right now, as the daemon judged it.
-- Without a daemon: connections at this moment, and averages since the counters began,
-- against performance_thresholds; the recommendation then says so. Bloat cannot be told
-- without one.
-- @scope control

create or replace function monitoring.check_performance_alerts()
returns table (
    alert_level text,
    metric_name text,
    current_value numeric,
    threshold_value numeric,
    recommendation text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $body$
declare
    reporter constant text := monitoring.reporting_target('samples');
begin
    if reporter is not null then
        return query
        select
            pg_catalog.upper(s.severity)::text,
            s.metric_name::text,
            pg_catalog.round(s.value::numeric, 2)::numeric,
            pg_catalog.round(s.threshold::numeric, 2)::numeric,
            s.recommendation::text
        from monitoring.samples as s
        join monitoring.reports as r
            on r.target = s.target and r.kind = 'samples' and r.reported_at = s.at
        join monitoring.performance_thresholds as t on t.metric_name = s.metric_name
        where
            s.target = reporter
            and s.severity in ('critical', 'warning')
        order by
            s.severity,
            s.metric_name,
            s.datname,
            s.objname;
        return;
    end if;

    return query
    with momentary as (
        select
            f.name,
            f.value,
            f.cap,
            f.words
        from monitoring.momentary_figures() as f
    ),

    compared as (
        select
            m.name,
            m.value,
            m.words,
            least(t.warning_threshold, 0.75 * m.cap) as warning,
            least(t.critical_threshold, 0.95 * m.cap) as critical,
            case when t.direction = 'above' then 1 else -1 end as sign
        from momentary as m
        join monitoring.performance_thresholds as t on t.metric_name = m.name
        where t.enabled and m.value is not null
    ),

    graded as (
        select
            c.name,
            c.value,
            c.words,
            c.warning,
            c.critical,
            -- As the daemon does: "below 90" does not mean 90 itself.
            c.sign * (c.value - c.critical) > 0
            or (c.sign = 1 and c.value = c.critical) as is_critical,
            c.sign * (c.value - c.warning) > 0
            or (c.sign = 1 and c.value = c.warning) as is_warning
        from compared as c
    )

    select
        (case when g.is_critical then 'CRITICAL' else 'WARNING' end)::text,
        g.name::text,
        pg_catalog.round(g.value, 2)::numeric,
        pg_catalog.round(
            case when g.is_critical then g.critical else g.warning end,
            2
        )::numeric,
        g.words::text
    from graded as g
    where g.is_critical or g.is_warning
    order by
        1,
        2;
end
$body$;

comment on function monitoring.check_performance_alerts() is
    'What is beyond its warning or critical level right now, as the daemon judged it.';
