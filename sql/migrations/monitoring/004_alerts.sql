-- Migration: 004_alerts
-- Description: what fired and when it was over, for those who look back.

create table monitoring.alerts (
    target text not null,
    fingerprint text not null,
    severity text not null,
    fired_at timestamptz not null,
    active_since timestamptz not null,
    resolved_at timestamptz,
    alertname text not null,
    datname text not null,
    object_type text not null,
    object text not null,
    labels jsonb not null,
    summary text not null,
    description text not null,
    primary key (target, fingerprint, severity, fired_at),
    constraint alerts_severity_check
        check (severity in ('critical', 'warning', 'info'))
);

create index alerts_fired_at_idx on monitoring.alerts (fired_at);

comment on table monitoring.alerts is
    'Alerts that fired, one row each time, whoever told them; resolved ones are kept for a while.';
comment on column monitoring.alerts.fingerprint is
    'The finding it is about: monitoring.findings.id.';
comment on column monitoring.alerts.active_since is
    'When the finding was first seen; it lasted from then until it fired.';
comment on column monitoring.alerts.resolved_at is
    'NULL while it fires. A daemon that lost its memory resolves it with its next report.';

alter table monitoring.reports
    drop constraint reports_kind_check;
alter table monitoring.reports
    add constraint reports_kind_check
        check (
            kind in ('samples', 'findings', 'advice', 'rls_observations', 'alerts')
        );
