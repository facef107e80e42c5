from __future__ import annotations

import pytest

from monitor.checks import replication_slot
from monitor.model.finding import Finding, Severity
from monitor.model.rows.replication_slots import ReplicationSlotsRow
from tests.unit.factories import current, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")

GB = 1024**3


def found_with(retained: int | None, **changes: object) -> list[Finding]:
    values: dict[str, object] = {"slot_name": "s1", "slot_type": "logical"}
    row = make(ReplicationSlotsRow, retained_bytes=retained, **(values | changes))
    return run(replication_slot, view(current(ReplicationSlotsRow, row)))


@pytest.mark.parametrize(
    ("retained", "severity"), [(GB, Severity.WARNING), (10 * GB, Severity.CRITICAL)]
)
def test_reports_a_slot_that_keeps_much(retained: int, severity: Severity) -> None:
    found = found_with(retained, safe_wal_bytes=1, xmin_age=2, catalog_xmin_age=3)

    assert [severity] == [f.severity for f in found]


def test_says_nothing_just_below_the_level() -> None:
    assert found_with(GB - 1) == []


@pytest.mark.parametrize("wal_status", ["lost", "unreserved"])
def test_is_critical_when_the_promise_is_broken(wal_status: str) -> None:
    found = found_with(None, wal_status=wal_status)

    assert [f.severity for f in found] == [Severity.CRITICAL]
    assert found[0].unknowns == ("How much WAL it keeps.",)


@pytest.mark.parametrize(("seconds", "count"), [(86_399.0, 0), (86_400.0, 1)])
def test_reports_a_slot_that_nobody_has_used_for_a_day(
    seconds: float, count: int
) -> None:
    assert count == len(found_with(0, inactive_seconds=seconds))


def test_does_not_propose_to_drop_an_active_slot() -> None:
    found = found_with(GB, is_active=True)

    assert found[0].remedy is not None
    assert "drop" not in found[0].remedy.sql


def test_quotes_the_name_of_the_slot_it_proposes_to_drop() -> None:
    found = found_with(GB, slot_name="it's")

    assert found[0].remedy is not None
    assert "pg_drop_replication_slot('it''s')" in found[0].remedy.sql
