"""Unit tests of alerts/pgvigil-findings.yml in promtool's form, three per alert."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from monitor.alerting.machine import alert_name
from monitor.cli.alerts import GRAFANA, PGVIGIL
from monitor.model.finding import Severity
from monitor.runtime.rules import Rule
from tests.alert_rules import alerting_rules

HOLD = {Severity.CRITICAL: 0, Severity.WARNING: 5}
"""Minutes that a finding lasts before it alerts."""

OTHER = {Severity.CRITICAL: Severity.WARNING, Severity.WARNING: Severity.CRITICAL}


def document() -> dict[str, Any]:
    """Return all tests; `stale` is a scrape that failed."""
    return {
        "rule_files": ["../../alerts/pgvigil-findings.yml"],
        "evaluation_interval": "1m",
        "tests": [
            test
            for rule, severity in alerting_rules()
            for test in _tests(rule, severity)
        ],
    }


def _tests(rule: Rule, severity: Severity) -> Iterator[dict[str, Any]]:
    name, hold = alert_name(rule.name), HOLD[severity]
    fires = _expected(rule, severity)
    muted = _series(rule, severity, "0+0x20")
    other = _series(rule, OTHER[severity], "1+0x20")
    yield _test(
        f"{name} fires as {severity.value} and not before",
        [_series(rule, severity, f"0 {'1+0x20'}")],
        (name, hold, []),
        (name, hold + 1, [fires]),
    )
    yield _test(
        f"{name} as {severity.value} goes on across a gap and ends with its finding",
        [_series(rule, severity, "1+0x6 stale _ 1+0x3 stale _x20")],
        (name, 8, [fires]),
        (name, 16, []),
    )
    yield _test(
        f"{name} as {severity.value} is silent about muted ones and others",
        [muted],
        (name, 20, []),
    )
    if OTHER[severity] in {s for r, s in alerting_rules() if r.name == rule.name}:
        return
    yield _test(f"{name} does not fire for another severity", [other], (name, 20, []))


def _test(
    name: str, series: list[dict[str, str]], *cases: tuple[str, int, list[Any]]
) -> dict[str, Any]:
    return {
        "name": name,
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": [
            {"alertname": alert, "eval_time": f"{minute}m", "exp_alerts": expected}
            for alert, minute, expected in cases
        ],
    }


def _series(rule: Rule, severity: Severity, values: str) -> dict[str, str]:
    labels = _labels(rule, severity)
    text = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    return {"series": f"pgvigil_finding{{{text}}}", "values": values}


def _labels(rule: Rule, severity: Severity) -> dict[str, str]:
    return {
        "job": "pgvigil",
        "instance": "orders",
        "server": "orders",
        "datname": "shop",
        "check": rule.name,
        "severity": severity.value,
        "object": "public.orders",
        "team": "payments",
    }


def _expected(rule: Rule, severity: Severity) -> dict[str, Any]:
    return {
        "exp_labels": _labels(rule, severity),
        "exp_annotations": {
            "summary": rule.title,
            "description": "Server orders, database shop: public.orders.",
            "runbook_url": f"{PGVIGIL}/runbooks/{rule.name}",
            "finding_url": f"{PGVIGIL}/?target=orders&check={rule.name}",
            "dashboard_url": f"{GRAFANA}/d/pgvigil-overview?var-server=orders",
        },
    }
