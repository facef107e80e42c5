"""Unit tests of alerts/pgvigil-findings.yml in promtool's form, three per alert."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dashboards.subjects import uid_of
from monitor.alerting.machine import alert_name
from monitor.cli.alerts import GRAFANA, PGVIGIL
from monitor.model.finding import Severity
from monitor.runtime.rules import Rule
from tests.alert_rules import alerting_rules

HOLD = {Severity.CRITICAL: 0, Severity.WARNING: 5}
"""Minutes that a finding lasts before it alerts."""


def document() -> dict[str, Any]:
    """Return all tests; `stale` is a scrape that failed.

    All alerts of a severity are looked at together: promtool evaluates every rule
    for every test.
    """
    tests = [test for severity in HOLD for test in _tests(severity)]
    return {
        "rule_files": ["../../alerts/pgvigil-findings.yml"],
        "evaluation_interval": "1m",
        "tests": [*tests, _other_severities()],
    }


def _tests(severity: Severity) -> Iterator[dict[str, Any]]:
    rules = [rule for rule, s in alerting_rules() if s is severity]
    fires = {rule.name: [_expected(rule, severity)] for rule in rules}
    nothing: dict[str, list[Any]] = {rule.name: [] for rule in rules}
    hold = HOLD[severity]

    def series(values: str) -> list[dict[str, str]]:
        return [_series(rule, severity, values) for rule in rules]

    yield _test(
        f"{severity.value} alerts fire when their time is up and not before",
        series("0 1+0x20"),
        {hold: nothing, hold + 1: fires},
    )
    yield _test(
        f"{severity.value} alerts go on across a gap and end with their findings",
        series("1+0x6 stale _ 1+0x3 stale _x20"),
        {8: fires, 16: nothing},
    )
    yield _test(
        f"{severity.value} alerts are silent about muted findings",
        series("0+0x20"),
        {20: nothing},
    )


def _other_severities() -> dict[str, Any]:
    """Return the test that what is only information, for instance, does not alert."""
    alerting = {(rule.name, severity) for rule, severity in alerting_rules()}
    rules = {rule.name: rule for rule, _ in alerting_rules()}
    others = [
        _series(rule, severity, "1+0x20")
        for rule in rules.values()
        for severity in Severity
        if (rule.name, severity) not in alerting
    ]
    return _test(
        "nothing fires for severities that do not alert",
        others,
        {20: {name: [] for name in rules}},
    )


def _test(
    name: str,
    series: list[dict[str, str]],
    expected: dict[int, dict[str, list[Any]]],
) -> dict[str, Any]:
    return {
        "name": name,
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": [
            {
                "alertname": alert_name(check),
                "eval_time": f"{minute}m",
                "exp_alerts": alerts,
            }
            for minute, by_check in expected.items()
            for check, alerts in by_check.items()
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
            "dashboard_url": f"{GRAFANA}/d/{uid_of(rule.name)}?var-server=orders",
        },
    }
