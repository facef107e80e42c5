from __future__ import annotations

import pytest

from monitor.checks import idle_in_transaction
from monitor.model.finding import Finding, Severity
from monitor.model.rows.backends import BackendRow
from tests.unit.factories import current, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")


def found_with(seconds: float | None, **changes: object) -> list[Finding]:
    values: dict[str, object] = {"pid": 7, "state": "idle in transaction"}
    row = make(BackendRow, state_seconds=seconds, **(values | changes))
    return run(idle_in_transaction, view(current(BackendRow, row)))


@pytest.mark.parametrize(
    ("seconds", "severity"), [(60, Severity.WARNING), (600, Severity.CRITICAL)]
)
@pytest.mark.parametrize(
    "state", ["idle in transaction", "idle in transaction (aborted)"]
)
def test_reports_an_open_transaction(
    seconds: float, severity: Severity, state: str
) -> None:
    found = found_with(seconds, state=state)

    assert [severity] == [f.severity for f in found]


def test_says_nothing_just_below_the_level() -> None:
    assert found_with(59.9) == []


@pytest.mark.parametrize("changes", [{"state": "idle"}, {"is_own": True}])
def test_ignores_others(changes: dict[str, object]) -> None:
    assert found_with(9999, **changes) == []


def test_says_nothing_when_the_time_is_unknown() -> None:
    assert found_with(None) == []


def test_shows_what_the_transaction_holds_and_whose_it_is() -> None:
    changes = {"xact_seconds": 99, "xmin_age": 5, "application_name": "psql"}

    found = found_with(60, client_addr="10.0.0.1", **changes)

    assert len(found[0].evidence) == 5
