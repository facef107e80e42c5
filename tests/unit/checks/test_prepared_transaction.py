from __future__ import annotations

import pytest

from monitor.checks import prepared_transaction
from monitor.model.finding import Finding, Severity
from monitor.model.rows.xmin_horizon import HorizonRow
from tests.unit.factories import current, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")


def found_with(seconds: float | None, cause: str = "prepared") -> list[Finding]:
    row = make(HorizonRow, cause=cause, holder="gid-1", age_seconds=seconds)
    return run(prepared_transaction, view(current(HorizonRow, row)))


@pytest.mark.parametrize(
    ("seconds", "severity"), [(300, Severity.WARNING), (3600, Severity.CRITICAL)]
)
def test_reports_one_that_was_left_behind(seconds: float, severity: Severity) -> None:
    assert [severity] == [f.severity for f in found_with(seconds)]


@pytest.mark.parametrize("seconds", [299.9, None])
def test_says_nothing_just_below_the_level(seconds: float | None) -> None:
    assert found_with(seconds) == []


def test_leaves_other_causes_alone() -> None:
    assert found_with(9999, cause="slot") == []
