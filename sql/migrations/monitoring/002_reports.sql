-- Migration: 002_reports
-- Description: what the daemon reports: figures, findings, advice, RLS timings.

create table monitoring.reports (
    target text not null,
    kind text not null,
    reported_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (target, kind),
    constraint reports_kind_check
        check (kind in ('samples', 'findings', 'advice', 'rls_observations'))
);

comment on table monitoring.reports is
    'When a daemon last reported each kind, and until when that counts as current.';

create table monitoring.samples (
    at timestamptz not null,
    target text not null,
    datname text not null,
    metric_name text not null,
    object_type text not null,
    schemaname text not null,
    objname text not null,
    value double precision not null,
    unit text not null,
    severity text,
    threshold double precision,
    recommendation text not null,
    constraint samples_severity_check
        check (severity in ('critical', 'warning', 'info'))
);

create index samples_at_idx on monitoring.samples (at);

comment on table monitoring.samples is
    'Figures that checks compared with their levels, one row per figure and report.';
comment on column monitoring.samples.severity is
    'What the check made of the figure; NULL within the levels.';
comment on column monitoring.samples.threshold is
    'The level in force that was reached; it may differ from performance_thresholds.';

create table monitoring.findings (
    id text primary key,
    target text not null,
    datname text not null,
    check_name text not null,
    kind text not null,
    severity text not null,
    object_type text not null,
    schemaname text not null,
    objname text not null,
    title text not null,
    summary text not null,
    value double precision,
    evidence jsonb not null,
    unknowns jsonb not null,
    confidence text not null,
    remedy_sql text,
    remedy_undo text,
    remedy_lock text,
    remedy_risk text,
    state text not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    resolved_at timestamptz,
    constraint findings_kind_check check (kind in ('check', 'lint', 'advice')),
    constraint findings_severity_check
        check (severity in ('critical', 'warning', 'info')),
    constraint findings_state_check check (state in ('open', 'muted', 'resolved'))
);

create index findings_target_state_idx on monitoring.findings (target, state);

comment on table monitoring.findings is
    'Conclusions of checks, lints and advisors, with their lives; resolved ones are kept for a while.';

create table monitoring.advice (
    id text primary key,
    target text not null,
    datname text not null,
    check_name text not null,
    table_name text not null,
    column_names text[] not null,
    statement text not null,
    undo text not null,
    potential_improvement text not null,
    seq_scan bigint,
    seq_tup_read bigint,
    summary text not null,
    evidence jsonb not null,
    unknowns jsonb not null,
    confidence text not null,
    state text not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    resolved_at timestamptz,
    constraint advice_state_check check (state in ('open', 'muted', 'resolved'))
);

create index advice_target_state_idx on monitoring.advice (target, state);

comment on table monitoring.advice is
    'Indexes to create, with what they rest on.';
comment on column monitoring.advice.table_name is
    'Qualified and quoted, as it goes into a statement.';
comment on column monitoring.advice.seq_scan is
    'Sequential scans a day; NULL where they were not measured.';

create table monitoring.rls_observations (
    at timestamptz not null,
    target text not null,
    datname text not null,
    schemaname text not null,
    tablename text not null,
    policy_name text not null default 'combined',
    role_names text[] not null,
    since timestamptz not null,
    calls bigint not null,
    total_exec_time_ms double precision not null,
    stddev_exec_time_ms double precision,
    overhead_p50_ms double precision,
    overhead_p95_ms double precision,
    overhead_p99_ms double precision,
    attribution text not null,
    constraint rls_observations_attribution_check
        check (attribution in ('ast', 'server'))
);

create index rls_observations_at_idx on monitoring.rls_observations (at);

comment on table monitoring.rls_observations is
    'Time of statements that are subject to policies, one row per table and report.';
comment on column monitoring.rls_observations.total_exec_time_ms is
    'Time of the statements under policies, not of the policies alone.';
comment on column monitoring.rls_observations.overhead_p95_ms is
    'Cost of the policies as probed; NULL where nothing was probed.';
