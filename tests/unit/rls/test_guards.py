"""When nothing is probed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.model.rows.locks import LocksRow
from monitor.model.rows.recovery import RecoveryRow
from monitor.model.rows.stat_activity import ConnectionsRow
from monitor.model.rows.stat_replication import ReplicationRow
from monitor.model.target import Target
from monitor.rls.guards import is_held, obstacle
from tests.unit.factories import Part, current, make, view
from tests.unit.rls.probed import options

TARGET = Target(
    name="guarded",
    rls=options(most_active_backends=20, most_replay_lag=timedelta(seconds=10)),
)


def active(connections: int, application_name: str = "web") -> ConnectionsRow:
    return make(
        ConnectionsRow,
        state="active",
        connections=connections,
        application_name=application_name,
    )


def reason(*parts: Part) -> str:
    return obstacle(view(*parts, target=TARGET))


def test_a_quiet_server_is_probed() -> None:
    quiet = current(ConnectionsRow, active(20), make(ConnectionsRow, connections=500))

    assert reason(quiet) == ""


def test_a_busy_server_is_left_alone() -> None:
    assert "21 backends are active" in reason(current(ConnectionsRow, active(21)))


def test_our_own_backends_are_no_load() -> None:
    own = current(ConnectionsRow, active(20), active(3, "pgvigil/x/poll"))

    assert reason(own) == ""


def test_an_unknown_load_is_not_taken_for_a_low_one() -> None:
    assert "not known" in reason()


@pytest.mark.parametrize(
    ("lag", "is_free"), [(10.0, True), (10.1, False), (None, True)]
)
def test_a_lagging_standby_holds_probes_up(lag: float | None, *, is_free: bool) -> None:
    standby = make(ReplicationRow, application_name="b", replay_lag_seconds=lag)
    here = make(RecoveryRow, replay_age_seconds=lag)
    calm = current(ConnectionsRow)

    assert (reason(calm, current(ReplicationRow, standby)) == "") is is_free
    assert (reason(calm, current(RecoveryRow, here)) == "") is is_free


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"granted": "false"}, False),
        ({"mode": "RowExclusiveLock"}, False),
        ({"locktype": "object"}, False),
        ({"datname": "other"}, False),
    ],
)
def test_an_exclusive_lock_holds_its_database_up(
    changes: dict[str, str], *, expected: bool
) -> None:
    held = {
        "datname": "app",
        "mode": "AccessExclusiveLock",
        "locktype": "relation",
        "granted": "true",
    }
    row = make(LocksRow, **{**held, **changes})

    assert is_held(view(current(LocksRow, row)), "app") is expected
