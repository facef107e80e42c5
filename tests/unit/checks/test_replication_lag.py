from __future__ import annotations

from typing import Any

import pytest

from monitor.checks import replication_lag
from monitor.model.finding import Finding, ObjectRef, Severity
from monitor.model.rows.recovery import RecoveryRow
from monitor.model.rows.stat_replication import ReplicationRow
from tests.unit.factories import current, make, make_server, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")

MB = 1024 * 1024


def from_primary(**changes: object) -> list[Finding]:
    values: dict[str, object] = {"application_name": "s1", "state": "streaming"}
    row = make(ReplicationRow, **(values | changes))
    return run(replication_lag, view(current(ReplicationRow, row)))


def from_standby(*, is_standby: bool = True, **changes: Any) -> list[Finding]:
    part = current(RecoveryRow, make(RecoveryRow, **changes))
    server = make_server(is_standby=is_standby)
    return run(replication_lag, view(part, server=server))


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"replay_lag_seconds": 60, "replay_lag_bytes": 1}, Severity.WARNING),
        ({"replay_lag_seconds": 600, "replay_lag_bytes": 1}, Severity.CRITICAL),
        ({"replay_lag_bytes": 256 * MB}, Severity.WARNING),
        ({"replay_lag_bytes": 4096 * MB}, Severity.CRITICAL),
        ({"flush_lag_bytes": 256 * MB}, Severity.WARNING),
    ],
)
def test_reports_a_standby_that_is_behind(
    changes: dict[str, object], severity: Severity
) -> None:
    found = from_primary(reply_age_seconds=1.0, **changes)

    assert [severity] == [f.severity for f in found]
    assert ObjectRef("standby", name="s1") == found[0].object


@pytest.mark.parametrize(
    "changes",
    [
        {"replay_lag_seconds": 59.9, "replay_lag_bytes": 1},
        {"replay_lag_bytes": 256 * MB - 1},
    ],
)
def test_says_nothing_just_below_the_level(changes: dict[str, object]) -> None:
    assert from_primary(**changes) == []


def test_claims_nothing_about_an_idle_standby() -> None:
    assert from_primary() == []


def test_ignores_the_last_time_measured_before_the_standby_caught_up() -> None:
    assert from_primary(replay_lag_seconds=999, replay_lag_bytes=0) == []


def test_says_that_the_time_is_unknown_when_only_bytes_are() -> None:
    found = from_primary(replay_lag_bytes=256 * MB)

    assert found[0].value is None
    assert len(found[0].unknowns) == 1


def test_ignores_base_backups() -> None:
    assert (
        from_primary(state="backup", sent_lag_bytes=0, flush_lag_bytes=9999 * MB) == []
    )


def test_names_a_standby_by_its_address_when_it_has_no_name() -> None:
    found = from_primary(
        application_name="", client_addr="10.0.0.2", replay_lag_bytes=256 * MB
    )

    assert 'standby "10.0.0.2"' in found[0].summary


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"replay_age_seconds": 60.0}, Severity.WARNING),
        ({"replay_lag_bytes": 4096 * MB}, Severity.CRITICAL),
    ],
)
def test_reports_lag_that_the_standby_itself_sees(
    changes: dict[str, Any], severity: Severity
) -> None:
    assert [severity] == [f.severity for f in from_standby(**changes)]


def test_claims_nothing_when_everything_received_is_replayed() -> None:
    assert from_standby(replay_lag_bytes=0) == []


def test_resumes_a_paused_replay() -> None:
    found = from_standby(replay_age_seconds=60.0, is_replay_paused=True)

    assert found[0].summary.endswith("replay is paused")
    assert found[0].remedy is not None
    assert "pg_wal_replay_resume" in found[0].remedy.sql


@pytest.mark.parametrize(
    ("seconds", "severities"),
    [(59.9, []), (60.0, [Severity.WARNING]), (600.0, [Severity.CRITICAL])],
)
def test_reports_an_upstream_that_has_fallen_silent(
    seconds: float, severities: list[Severity]
) -> None:
    found = from_standby(receiver_age_seconds=seconds)

    assert severities == [f.severity for f in found]


def test_ignores_what_a_primary_remembers_of_recovery() -> None:
    assert from_standby(is_standby=False, replay_age_seconds=999.0) == []
