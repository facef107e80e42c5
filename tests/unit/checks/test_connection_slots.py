from __future__ import annotations

import pytest

from monitor.checks import connection_slots
from monitor.model.finding import Finding, ObjectRef, Severity
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_activity import ConnectionsRow
from monitor.model.rows.stat_database import DatabaseRow
from tests.unit.factories import current, make, make_settings, run, view

pytestmark = pytest.mark.requirement("S8.1.2-c")


def connections(count: int, **changes: object) -> ConnectionsRow:
    values: dict[str, object] = {"datname": "app", "state": "idle", "usename": "web"}
    return make(ConnectionsRow, connections=count, **(values | changes))


def found_with(used: int, max_connections: int) -> list[Finding]:
    settings = make_settings(max_connections=max_connections)
    parts = (
        current(ConnectionsRow, connections(used)),
        current(SettingsRow, settings),
    )
    return run(connection_slots, view(*parts))


@pytest.mark.parametrize(
    ("used", "max_connections", "severity"),
    [
        (16, 20, Severity.WARNING),
        (17, 20, Severity.CRITICAL),
        (150, 1000, Severity.WARNING),
        (190, 1000, Severity.CRITICAL),
    ],
)
def test_reports_slots_that_run_out(
    used: int, max_connections: int, severity: Severity
) -> None:
    found = found_with(used, max_connections)

    assert [severity] == [f.severity for f in found]
    assert ObjectRef("server") == found[0].object
    assert used == found[0].value


@pytest.mark.parametrize(("used", "max_connections"), [(12, 20), (149, 1000)])
def test_says_nothing_just_below_the_level(used: int, max_connections: int) -> None:
    assert found_with(used, max_connections) == []


def test_counts_every_state_and_breaks_them_down() -> None:
    rows = connections(60), connections(30, state="active"), connections(5, state="")
    parts = current(ConnectionsRow, *rows), current(SettingsRow, make_settings())

    evidence = {
        e.name: e.value for e in run(connection_slots, view(*parts))[0].evidence
    }

    assert evidence["connections"] == 95
    expected = (60, 30, 5)
    assert expected == tuple(evidence[s] for s in ("idle", "active", "unknown state"))


def test_falls_back_to_the_configured_levels_without_settings() -> None:
    found = run(connection_slots, view(current(ConnectionsRow, connections(150))))

    assert found[0].unknowns == ("max_connections could not be read.",)


def test_judges_a_database_by_its_own_limit() -> None:
    databases = [
        make(DatabaseRow, datname="app", connection_limit=10),
        make(DatabaseRow, datname="free", connection_limit=-1),
        make(DatabaseRow, datname="roomy", connection_limit=100),
    ]
    rows = [connections(8), connections(9, datname="roomy")]
    parts = current(ConnectionsRow, *rows), current(DatabaseRow, *databases)

    found = run(connection_slots, view(*parts))

    assert [(f.database, f.severity) for f in found] == [("app", Severity.WARNING)]
