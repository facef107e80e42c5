from __future__ import annotations

import pytest

from monitor.checks import xmin_horizon
from monitor.model.finding import Finding, Severity
from monitor.model.rows.xmin_horizon import HorizonRow
from tests.unit.factories import current, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")


def found_with(age: int, **changes: object) -> list[Finding]:
    values: dict[str, object] = {"cause": "transaction", "holder": "4711"}
    row = make(HorizonRow, xmin_age=age, **(values | changes))
    return run(xmin_horizon, view(current(HorizonRow, row)))


@pytest.mark.parametrize(
    ("age", "severity"),
    [(10_000_000, Severity.WARNING), (100_000_000, Severity.CRITICAL)],
)
def test_reports_an_old_holder(age: int, severity: Severity) -> None:
    assert [severity] == [f.severity for f in found_with(age, age_seconds=60.0)]


def test_says_nothing_just_below_the_level() -> None:
    assert found_with(9_999_999) == []


@pytest.mark.parametrize(
    ("cause", "holder", "sql"),
    [
        ("transaction", "4711", "pg_terminate_backend(4711)"),
        ("transaction", "someone", "pg_stat_activity"),
        ("prepared", "it's", "rollback prepared 'it''s'"),
        ("slot", "s", "pg_drop_replication_slot('s')"),
        ("slot_catalog", "s", "pg_drop_replication_slot('s')"),
        ("standby_feedback", "standby1", "pg_stat_replication"),
    ],
)
def test_says_how_to_end_each_cause(cause: str, holder: str, sql: str) -> None:
    found = found_with(10_000_000, cause=cause, holder=holder)

    assert found[0].remedy is not None
    assert sql in found[0].remedy.sql
