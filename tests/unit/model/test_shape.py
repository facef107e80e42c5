"""What surfaces show of findings, actions and alerts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf

import pytest

from monitor.model import shape
from monitor.model.action import Refusal
from monitor.model.finding import (
    Evidence,
    Finding,
    Mute,
    ObjectRef,
    Remedy,
    Severity,
    TrackedFinding,
)
from monitor.model.state import CollectorStatus

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TRACKED = TrackedFinding(
    finding=Finding(
        check="dead_tuples",
        severity=Severity.WARNING,
        target="main",
        database="app",
        object=ObjectRef("table", "public", 'Or"ders'),
        title="Tables hold dead tuples",
        summary="a fifth is dead",
        evidence=(Evidence("dead", 0.2, "ratio", timedelta(minutes=5)),),
        unknowns=("Planner statistics are hidden.",),
        remedy=Remedy(sql='vacuum public."Or""ders";', lock="ShareUpdateExclusive"),
    ),
    first_seen=NOW - timedelta(hours=1),
    last_seen=NOW,
)


def test_a_finding_has_exactly_the_documented_shape() -> None:
    shown = shape.finding_as_dict(TRACKED)

    assert {
        "id": TRACKED.finding.id,
        "check": "dead_tuples",
        "kind": "check",
        "severity": "warning",
        "target": "main",
        "database": "app",
        "object": {"type": "table", "schema": "public", "name": 'Or"ders'},
        "title": "Tables hold dead tuples",
        "summary": "a fifth is dead",
        "evidence": [
            {"name": "dead", "value": 0.2, "unit": "ratio", "window_seconds": 300.0}
        ],
        "unknowns": ["Planner statistics are hidden."],
        "confidence": "high",
        "remedy": {
            "sql": 'vacuum public."Or""ders";',
            "undo": "",
            "lock": "ShareUpdateExclusive",
            "risk": "",
        },
        "first_seen": "2026-03-01T11:00:00+00:00",
        "last_seen": "2026-03-01T12:00:00+00:00",
        "state": "open",
        "mute": None,
        "silences": [],
    } == shown


def test_a_finding_without_remedy_says_so_with_null() -> None:
    finding = replace(TRACKED.finding, remedy=None)

    shown = shape.finding_as_dict(replace(TRACKED, finding=finding))

    assert shown["remedy"] is None


def test_a_mute_shows_reason_end_and_author() -> None:
    mute = Mute(finding_id="f", reason="known", until=NOW, by="ann")

    shown = shape.mute_as_dict(mute)

    assert shown == {
        "reason": "known",
        "until": "2026-03-01T12:00:00+00:00",
        "by": "ann",
    }


def test_a_refusal_keeps_its_field_names() -> None:
    refusal = Refusal(
        kind="vacuum",
        target="main",
        database="app",
        schema="public",
        name="orders",
        rule="outside_window",
        reason="It is not yet night.",
    )

    shown = shape.refusal_as_dict(refusal)

    assert shown["rule"] == "outside_window"


def test_time_spans_are_seconds_and_named_so_even_when_unknown() -> None:
    status = CollectorStatus(
        name="locks", datname="", interval=timedelta(seconds=5), last_success=NOW
    )

    shown = shape.plain_fields(status)

    assert shown["interval_seconds"] == 5.0
    assert shown["duration_seconds"] is None
    assert "interval" not in shown


@dataclass(frozen=True)
class Pair:
    first: float
    second: tuple[Evidence, ...]


def test_nested_values_become_json_without_infinities() -> None:
    value = Pair(inf, (Evidence("count", 3),))

    shown = shape.plain(value)

    assert shown == {
        "first": None,
        "second": [{"name": "count", "value": 3, "unit": "", "window_seconds": None}],
    }


def test_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match="object cannot be shown"):
        shape.plain(object())
