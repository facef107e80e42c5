"""What one alert says, another need not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.alerting.inhibition import inhibited
from monitor.model.alert import Alert, AlertState
from monitor.model.finding import Severity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def alert(
    name: str,
    severity: Severity = Severity.WARNING,
    state: AlertState = AlertState.FIRING,
    **labels: str,
) -> Alert:
    return Alert(
        fingerprint=name,
        name=name,
        severity=severity,
        state=state,
        labels={"alertname": name, "severity": severity.value, **labels},
        annotations={},
        active_since=NOW,
        fired_at=NOW,
    )


DOWN = alert("PgvigilTargetDown", Severity.CRITICAL, server="a", object_type="server")
BLIND = alert("PgvigilMonitorBlind", Severity.CRITICAL)
TABLE: dict[str, Any] = {
    "server": "a",
    "datname": "d",
    "object_type": "table",
    "object": "public.t",
}

NONE: set[int] = set()
OTHER_TABLE: dict[str, Any] = {**TABLE, "object": "public.u"}


@pytest.mark.parametrize(
    ("alerts", "hidden"),
    [
        ([DOWN, alert("PgvigilDeadlocks", server="a")], {1}),
        ([DOWN, alert("PgvigilDeadlocks", server="b")], NONE),
        ([DOWN, alert("PgvigilDeadlocks", Severity.CRITICAL, server="a")], {1}),
        ([BLIND, DOWN], {1}),
        ([BLIND, alert("PgvigilDeadlocks", server="b")], NONE),
        (
            [alert("PgvigilX", Severity.CRITICAL, **TABLE), alert("PgvigilY", **TABLE)],
            {1},
        ),
        (
            [
                alert("PgvigilX", Severity.CRITICAL, **TABLE),
                alert("PgvigilY", **OTHER_TABLE),
            ],
            NONE,
        ),
        ([BLIND, alert("PgvigilWatchdog", Severity.INFO, instance="e")], NONE),
    ],
)
@pytest.mark.requirement("S8.1.2-g")
def test_what_is_said_already_is_hidden(alerts: list[Alert], hidden: set[int]) -> None:
    assert inhibited(alerts) == hidden


def test_what_is_over_hides_nothing_and_is_not_hidden() -> None:
    over = alert(
        "PgvigilTargetDown", Severity.CRITICAL, AlertState.RESOLVED, server="a"
    )
    open_one = alert("PgvigilDeadlocks", server="a")

    assert inhibited([over, open_one]) == NONE
    assert inhibited([DOWN, alert("X", state=AlertState.RESOLVED, server="a")]) == (
        NONE
    )
