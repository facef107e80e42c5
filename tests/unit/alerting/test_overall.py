"""The alerts on the watch as a whole: the watchdog, and going blind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerting.overall import (
    MONITOR_BLIND,
    WATCHDOG,
    Overlook,
    overall,
)
from monitor.model.alert import AlertState
from monitor.model.finding import Severity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOOK = Overlook(instance="east", started_at=NOW - timedelta(days=1), has_watchdog=False)


def reached(*, up: int, down: int) -> dict[str, bool]:
    return {f"s{number}": number >= down for number in range(up + down)}


@pytest.mark.parametrize(
    ("up", "down", "is_blind"),
    [(7, 2, True), (8, 2, False), (0, 2, True), (1, 1, False), (0, 1, False)],
)
def test_it_is_blind_when_more_than_a_fifth_and_two_are_lost(
    up: int, down: int, *, is_blind: bool
) -> None:
    alerts = overall(reached(up=up, down=down), (), LOOK, NOW)

    assert [a.name for a in alerts] == ([MONITOR_BLIND] if is_blind else [])


def test_blindness_fires_at_once_and_says_who_is_lost() -> None:
    (alert,) = overall(reached(up=1, down=2), (), LOOK, NOW)

    assert alert.state is AlertState.FIRING
    assert alert.severity is Severity.CRITICAL
    assert alert.annotations["description"] == (
        "east reaches 1 of 3 servers. Lost are s0, s1."
    )


def test_blindness_keeps_its_beginning() -> None:
    first = overall(reached(up=1, down=2), (), LOOK, NOW)

    (later,) = overall(reached(up=0, down=3), first, LOOK, NOW + timedelta(minutes=5))

    assert later.fired_at == NOW
    assert later.labels == first[0].labels


def test_blindness_resolves_once_and_is_forgotten() -> None:
    first = overall(reached(up=1, down=2), (), LOOK, NOW)

    over = overall(reached(up=3, down=0), first, LOOK, NOW + timedelta(minutes=1))
    later = overall(reached(up=3, down=0), over, LOOK, NOW + timedelta(hours=1))

    assert [a.state for a in over] == [AlertState.RESOLVED]
    assert later == ()


def test_a_second_blindness_begins_anew() -> None:
    over = overall(
        reached(up=3, down=0), overall(reached(up=1, down=2), (), LOOK, NOW), LOOK, NOW
    )
    later = NOW + timedelta(minutes=2)

    (again,) = overall(reached(up=1, down=2), over, LOOK, later)

    assert (again.state, again.fired_at) == (AlertState.FIRING, later)


def test_the_watchdog_always_fires_and_is_each_daemon_s_own() -> None:
    look = Overlook(instance="east", started_at=NOW, external_url="http://east:9843")

    (alert,) = overall(reached(up=3, down=0), (), look, NOW + timedelta(days=40))

    assert (alert.name, alert.state) == (WATCHDOG, AlertState.FIRING)
    assert alert.labels["instance"] == "east"
    assert alert.annotations["runbook_url"] == "http://east:9843/runbooks/watchdog"
