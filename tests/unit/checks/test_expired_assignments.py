from __future__ import annotations

import pytest

from monitor.checks import expired_assignments
from monitor.model.finding import Finding, Severity
from monitor.model.rows.assignments import AssignmentsRow
from tests.unit.factories import current, make, run, view

pytestmark = pytest.mark.requirement("S2.4.2-e")

DAY = 86_400.0


def found_with(**changes: object) -> list[Finding]:
    row = make(AssignmentsRow, **changes)
    return run(expired_assignments, view(current(AssignmentsRow, row, datname="app")))


def test_counts_assignments_that_ended_and_are_active() -> None:
    (found,) = found_with(expired=3, longest_seconds=2 * DAY)

    assert found.severity is Severity.INFO
    assert found.summary == "3 assignments have ended and are active"
    assert found.value == 3
    assert str(found.object) == "public.content_assignments"


@pytest.mark.parametrize(("expired", "seconds"), [(0, 0.0), (3, DAY * 1.1)])
def test_says_nothing_of_none_or_before_a_daily_job_had_its_turn(
    expired: int, seconds: float
) -> None:
    assert found_with(expired=expired, longest_seconds=seconds) == []


def test_says_nothing_without_the_platform() -> None:
    assert run(expired_assignments, view(current(AssignmentsRow, datname="app"))) == []
