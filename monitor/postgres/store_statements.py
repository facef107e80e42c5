"""The statements of `postgres.store`: rows come as one JSON array, `%(rows)s`."""

from __future__ import annotations

THRESHOLDS = """
    select
        t.metric_name as metric_name,
        t.warning_threshold::float8 as warning_threshold,
        t.critical_threshold::float8 as critical_threshold,
        t.direction as direction,
        t.enabled as enabled,
        t.check_interval as check_interval,
        t.for_duration as for_duration,
        coalesce(t.updated_by, '') as updated_by
    from monitoring.performance_thresholds as t
    order by t.metric_name
"""

REPORT = """
    insert into monitoring.reports (target, kind, reported_at, expires_at)
    values (
        %(target)s,
        %(kind)s,
        %(at)s,
        %(at)s::timestamptz + %(valid_for)s::interval
    )
    on conflict (target, kind) do update set
        reported_at = excluded.reported_at,
        expires_at = excluded.expires_at
"""

SAMPLES = """
    insert into monitoring.samples (
        at,
        target,
        datname,
        metric_name,
        object_type,
        schemaname,
        objname,
        value,
        unit,
        severity,
        threshold,
        recommendation
    )
    select
        %(at)s,
        %(target)s,
        r.datname,
        r.metric_name,
        r.object_type,
        r.schemaname,
        r.objname,
        r.value,
        r.unit,
        r.severity,
        r.threshold,
        r.recommendation
    from pg_catalog.jsonb_populate_recordset(
        null::monitoring.samples,
        %(rows)s
    ) as r
    where r.value is not null
"""

# An open row is written again only when it says something new, or every five
# minutes: what has been there for weeks would otherwise be rewritten each time.
FINDINGS = """
    with resolved as (
        update monitoring.findings as f
        set
            state = 'resolved',
            resolved_at = %(at)s
        where
            f.target = %(target)s
            and f.state <> 'resolved'
            and f.id <> all (
                array(
                    select r.id
                    from pg_catalog.jsonb_populate_recordset(
                        null::monitoring.findings,
                        %(rows)s
                    ) as r
                )
            )
    )

    insert into monitoring.findings as f (
        id,
        target,
        datname,
        check_name,
        kind,
        severity,
        object_type,
        schemaname,
        objname,
        title,
        summary,
        value,
        evidence,
        unknowns,
        confidence,
        remedy_sql,
        remedy_undo,
        remedy_lock,
        remedy_risk,
        state,
        first_seen,
        last_seen,
        resolved_at
    )
    select
        r.id,
        %(target)s,
        r.datname,
        r.check_name,
        r.kind,
        r.severity,
        r.object_type,
        r.schemaname,
        r.objname,
        r.title,
        r.summary,
        r.value,
        r.evidence,
        r.unknowns,
        r.confidence,
        r.remedy_sql,
        r.remedy_undo,
        r.remedy_lock,
        r.remedy_risk,
        r.state,
        r.first_seen,
        r.last_seen,
        case when r.state = 'resolved' then r.last_seen end
    from pg_catalog.jsonb_populate_recordset(
        null::monitoring.findings,
        %(rows)s
    ) as r
    on conflict (id) do update set
        severity = excluded.severity,
        title = excluded.title,
        summary = excluded.summary,
        value = excluded.value,
        evidence = excluded.evidence,
        unknowns = excluded.unknowns,
        confidence = excluded.confidence,
        remedy_sql = excluded.remedy_sql,
        remedy_undo = excluded.remedy_undo,
        remedy_lock = excluded.remedy_lock,
        remedy_risk = excluded.remedy_risk,
        state = excluded.state,
        first_seen = excluded.first_seen,
        last_seen = excluded.last_seen,
        resolved_at = excluded.resolved_at
    where
        f.severity <> excluded.severity
        or f.state <> excluded.state
        or f.summary <> excluded.summary
        or f.first_seen <> excluded.first_seen
        or f.last_seen < excluded.last_seen - '5 minutes'::interval
"""

ADVICE = """
    with resolved as (
        update monitoring.advice as a
        set
            state = 'resolved',
            resolved_at = %(at)s
        where
            a.target = %(target)s
            and a.state <> 'resolved'
            and a.id <> all (
                array(
                    select r.id
                    from pg_catalog.jsonb_populate_recordset(
                        null::monitoring.advice,
                        %(rows)s
                    ) as r
                )
            )
    )

    insert into monitoring.advice as a (
        id,
        target,
        datname,
        check_name,
        table_name,
        column_names,
        statement,
        undo,
        potential_improvement,
        seq_scan,
        seq_tup_read,
        summary,
        evidence,
        unknowns,
        confidence,
        state,
        first_seen,
        last_seen,
        resolved_at
    )
    select
        r.id,
        %(target)s,
        r.datname,
        r.check_name,
        r.table_name,
        r.column_names,
        r.statement,
        r.undo,
        r.potential_improvement,
        r.seq_scan,
        r.seq_tup_read,
        r.summary,
        r.evidence,
        r.unknowns,
        r.confidence,
        r.state,
        r.first_seen,
        r.last_seen,
        case when r.state = 'resolved' then r.last_seen end
    from pg_catalog.jsonb_populate_recordset(
        null::monitoring.advice,
        %(rows)s
    ) as r
    on conflict (id) do update set
        statement = excluded.statement,
        undo = excluded.undo,
        potential_improvement = excluded.potential_improvement,
        seq_scan = excluded.seq_scan,
        seq_tup_read = excluded.seq_tup_read,
        summary = excluded.summary,
        evidence = excluded.evidence,
        unknowns = excluded.unknowns,
        confidence = excluded.confidence,
        state = excluded.state,
        first_seen = excluded.first_seen,
        last_seen = excluded.last_seen,
        resolved_at = excluded.resolved_at
    where
        a.state <> excluded.state
        or a.summary <> excluded.summary
        or a.first_seen <> excluded.first_seen
        or a.last_seen < excluded.last_seen - '5 minutes'::interval
"""

RLS_OBSERVATIONS = """
    insert into monitoring.rls_observations (
        at,
        target,
        datname,
        schemaname,
        tablename,
        policy_name,
        role_names,
        since,
        calls,
        total_exec_time_ms,
        stddev_exec_time_ms,
        overhead_p50_ms,
        overhead_p95_ms,
        overhead_p99_ms,
        attribution
    )
    select
        %(at)s,
        %(target)s,
        r.datname,
        r.schemaname,
        r.tablename,
        r.policy_name,
        r.role_names,
        r.since,
        r.calls,
        r.total_exec_time_ms,
        r.stddev_exec_time_ms,
        r.overhead_p50_ms,
        r.overhead_p95_ms,
        r.overhead_p99_ms,
        r.attribution
    from pg_catalog.jsonb_populate_recordset(
        null::monitoring.rls_observations,
        %(rows)s
    ) as r
"""
