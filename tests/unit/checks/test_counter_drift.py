from __future__ import annotations

import pytest

from monitor.checks import counter_drift
from monitor.model.finding import Finding, Severity
from monitor.model.rows.conversations import ConversationsRow
from tests.unit.factories import current, make, run, view

pytestmark = pytest.mark.requirement("S2.3.1-d")


def found_with(**changes: object) -> list[Finding]:
    row = make(ConversationsRow, **changes)
    return run(counter_drift, view(current(ConversationsRow, row, datname="app")))


def test_reports_how_many_conversations_drift() -> None:
    (found,) = found_with(conversations=700, drifting=1)

    assert found.severity is Severity.WARNING
    assert found.summary == "counters of 1 conversations differ from their messages"
    assert [(e.name, e.value) for e in found.evidence] == [
        ("drifting", 1),
        ("looked at", 700),
    ]


def test_says_nothing_of_counters_that_are_right() -> None:
    assert found_with(conversations=700, drifting=0) == []


def test_says_nothing_without_the_platform() -> None:
    assert run(counter_drift, view(current(ConversationsRow, datname="app"))) == []
