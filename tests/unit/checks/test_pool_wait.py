from __future__ import annotations

import pytest

from monitor.checks import pool_wait
from monitor.model.finding import Finding, ObjectRef, Severity
from monitor.model.rows.pgbouncer_pools import PoolsRow
from tests.unit.factories import current, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")


def found_with(seconds: float, waiting: int = 2) -> list[Finding]:
    row = make(
        PoolsRow,
        datname="app",
        usename="web",
        clients_waiting=waiting,
        max_wait_seconds=seconds,
    )
    return run(pool_wait, view(current(PoolsRow, row)))


@pytest.mark.parametrize(
    ("seconds", "severity"), [(1, Severity.WARNING), (10, Severity.CRITICAL)]
)
def test_reports_waiting_clients(seconds: float, severity: Severity) -> None:
    found = found_with(seconds)

    assert [severity] == [f.severity for f in found]
    assert ObjectRef("pool", name="app/web") == found[0].object


def test_says_nothing_just_below_the_level() -> None:
    assert found_with(0.9) == []


def test_says_nothing_once_nobody_waits() -> None:
    assert found_with(10, waiting=0) == []
