-- What the catalogs tell about the metrics of performance_thresholds at this moment.
-- Only read when no daemon reports. `cap` limits the levels where the server itself
-- does: 75 and 95 % of the connection slots. NULL is no data.

create or replace function monitoring.momentary_figures()
returns table (
    name text,
    value numeric,
    cap numeric,
    words text
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $body$
    select
        'avg_query_time_ms'::text,
        (
            select pg_catalog.sum(s.total_exec_time) / nullif(pg_catalog.sum(s.calls), 0)
            from monitoring.statements() as s
            having pg_catalog.sum(s.calls) >= 100
        )::numeric,
        null::numeric,
        'Look at monitoring.performance_summary. No daemon reports: this is the average '
        'since the statements were first recorded.'
    union all
    select
        'connection_count'::text,
        pg_catalog.count(*)::numeric,
        pg_catalog.current_setting('max_connections')::numeric
        - pg_catalog.current_setting('superuser_reserved_connections')::numeric
        -- From PostgreSQL 16.
        - coalesce(
            pg_catalog.current_setting('reserved_connections', true),
            '0'
        )::numeric,
        'Pool connections or raise max_connections. No daemon reports: this is the '
        'number at this moment.'
    from pg_catalog.pg_stat_activity as a
    where a.backend_type = 'client backend'
    union all
    select
        'cache_hit_ratio'::text,
        case
            when d.blks_hit + d.blks_read >= 1000
                then 100.0 * d.blks_hit / (d.blks_hit + d.blks_read)
        end::numeric,
        null::numeric,
        'Look for statements that read much, then at shared_buffers. No daemon reports: '
        'this is the average since the counters began.'
    from pg_catalog.pg_stat_database as d
    where d.datname = pg_catalog.current_database()
$body$;

comment on function monitoring.momentary_figures() is
    'What the catalogs tell about the metrics of performance_thresholds at this moment.';
