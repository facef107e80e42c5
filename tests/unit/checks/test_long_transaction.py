from __future__ import annotations

import pytest

from monitor.checks import long_transaction
from monitor.model.finding import Finding, Severity
from monitor.model.rows.backends import BackendRow
from tests.unit.factories import current, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")


def found_with(seconds: float | None, **changes: object) -> list[Finding]:
    values: dict[str, object] = {
        "pid": 7,
        "backend_type": "client backend",
        "state": "active",
    }
    row = make(BackendRow, xact_seconds=seconds, **(values | changes))
    return run(long_transaction, view(current(BackendRow, row)))


@pytest.mark.parametrize(
    ("seconds", "severity"), [(1800, Severity.WARNING), (14400, Severity.CRITICAL)]
)
def test_reports_an_old_transaction(seconds: float, severity: Severity) -> None:
    changes = {
        "query_seconds": 5,
        "xmin_age": 9,
        "query_id": 3,
        "application_name": "x",
    }

    found = found_with(seconds, **changes)

    assert [severity] == [f.severity for f in found]
    assert len(found[0].evidence) == 5


def test_says_nothing_just_below_the_level() -> None:
    assert found_with(1799.9) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "idle in transaction"},
        {"backend_type": "walsender"},
        {"is_own": True},
    ],
)
def test_leaves_others_to_other_checks(changes: dict[str, object]) -> None:
    assert found_with(99_999, **changes) == []


def test_ignores_a_backend_without_a_transaction() -> None:
    assert found_with(None) == []


def test_shows_only_what_is_known() -> None:
    assert [e.name for e in found_with(2000)[0].evidence] == ["transaction age"]
