"""Writes alerts/pgvigil-findings.yml: one alert for each rule and severity.

Names, holds and severities are those the daemon gives the alerts that it sends
itself, so that silences and routes serve both ways.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.subjects import uid_of
from monitor.alerting.machine import AlertPolicy, alert_name
from monitor.alerting.overall import BLIND_SHARE
from monitor.cli.alerts import GRAFANA, PGVIGIL
from monitor.model.finding import Severity
from monitor.runtime.rules import Rule, discover

ALERTING = (Severity.CRITICAL, Severity.WARNING)

HEAD = """\
# Alerts on what pgvigil found, for those who let Prometheus do the alerting.
# Made from the checks by `make documents`; `pgvigil alerts export` fills in where
# pgvigil and Grafana are.
#
# The daemon has compared every figure with its threshold already: these rules copy
# none, so a threshold is changed in one place. A muted finding has the value 0.
# last_over_time bridges a scrape that failed: a gap neither ends an alert nor
# starts its `for` again. What is only information does not alert.
#
# Load pgvigil-daemon.yml as well, always. Do not load this file where the daemon
# sends alerts itself (alerting.owner): each condition would be told twice.
groups:
  - name: pgvigil-findings
    rules:
"""

WATCH = f"""\
      - alert: PgvigilTargetDown
        expr: last_over_time(pg_up[3m]) == 0
        for: 1m
        labels:
          severity: critical
        annotations:
          summary: A PostgreSQL server cannot be reached
          description: >-
            pgvigil can neither connect to server {{{{ $labels.server }}}} nor run a
            statement there.
          runbook_url: {PGVIGIL}/runbooks/target_down
          finding_url: {PGVIGIL}/?target={{{{ $labels.server }}}}
          dashboard_url: >-
            {GRAFANA}/d/pgvigil-fleet?var-server={{{{ $labels.server }}}}

      # Inhibits the one above, see alertmanager.example.yml.
      - alert: PgvigilMonitorBlind
        expr: |-
          (
              count by (job) (last_over_time(pg_up[3m]) == 0)
            /
              count by (job) (last_over_time(pg_up[3m]))
          ) > {BLIND_SHARE}
          and
          count by (job) (last_over_time(pg_up[3m]) == 0) > 1
        for: 1m
        labels:
          severity: critical
        annotations:
          summary: pgvigil has lost more than a fifth of its servers
          description: >-
            {{{{ $value | humanizePercentage }}}} of the servers of job
            {{{{ $labels.job }}}} cannot be reached.
          runbook_url: {PGVIGIL}/runbooks/monitor_blind
          finding_url: {PGVIGIL}/
          dashboard_url: {GRAFANA}/d/pgvigil-fleet

      - alert: PgvigilWatchdog
        expr: vector(1)
        for: 0m
        labels:
          severity: info
        annotations:
          summary: pgvigil watches; this alert always fires
          description: Its absence is the alarm.
          runbook_url: {PGVIGIL}/runbooks/watchdog
          finding_url: {PGVIGIL}/
          dashboard_url: {GRAFANA}/d/pgvigil-daemon

"""

RULE = """\
      - alert: %(alert)s
        expr: >-
          last_over_time(
          pgvigil_finding{check="%(check)s", severity="%(severity)s"}[3m]
          ) == 1
        for: %(hold)s
        labels:
          severity: %(severity)s
        annotations:
          summary: >-
            %(summary)s
          description: >-
            Server {{ $labels.server }}{{ with $labels.datname }}, database
            {{ . }}{{ end }}{{ with $labels.object }}: {{ . }}{{ end }}.
          runbook_url: %(page)s/runbooks/%(check)s
          finding_url: >-
            %(page)s/?target={{ $labels.server }}&check=%(check)s
          dashboard_url: >-
            %(grafana)s/d/%(dashboard)s?var-server={{ $labels.server }}
"""


def findings_file() -> str:
    """Return the rule file."""
    return HEAD + WATCH + "\n".join(_alerts())


def alerting_rules() -> Iterator[tuple[Rule, Severity]]:
    """Yield what alerts: a lint or an advice does so as a warning at most."""
    for rule in discover().values():
        for severity in ALERTING:
            if severity in _alert_severities(rule):
                yield rule, severity


def _alert_severities(rule: Rule) -> set[Severity]:
    if rule.kind == "check":
        return set(rule.severities)
    return {max(s, Severity.WARNING, key=lambda s: s.rank) for s in rule.severities}


def _alerts() -> Iterator[str]:
    for rule, severity in alerting_rules():
        hold = AlertPolicy().hold[severity].total_seconds()
        yield RULE % {
            "alert": alert_name(rule.name),
            "check": rule.name,
            "severity": severity.value,
            "hold": f"{hold / 60:.0f}m",
            "summary": rule.title,
            "page": PGVIGIL,
            "grafana": GRAFANA,
            "dashboard": uid_of(rule.name),
        }
