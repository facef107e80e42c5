"""The state file on a real disk."""

from __future__ import annotations

import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.errors import StateError
from monitor.model.alert import Alert, AlertState
from monitor.model.finding import (
    Evidence,
    Finding,
    Mute,
    ObjectRef,
    Remedy,
    Severity,
    TrackedFinding,
)
from monitor.runtime.state_file import Saved, StateFile
from monitor.runtime.windows import DatabaseWindows, WindowRecord

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

MUTE = Mute(finding_id="f1", reason="known", until=NOW + timedelta(days=1), by="ops")
TRACKED = TrackedFinding(
    finding=Finding(
        check="unused_index",
        kind="advice",
        title="Index is not used",
        target="orders",
        database="app",
        severity=Severity.INFO,
        object=ObjectRef("index", "public", 'odd "name"'),
        summary="Not scanned for 31 days.",
        evidence=(Evidence("scans", 0, "scans", timedelta(days=31)),),
        unknowns=("One standby is not watched.",),
        confidence="medium",
        remedy=Remedy(sql="drop index concurrently …", undo="create index …"),
        value=0.0,
    ),
    first_seen=NOW - timedelta(days=1),
    last_seen=NOW,
    mute=MUTE,
    state="muted",
)
ALERT = Alert(
    fingerprint=TRACKED.finding.id,
    name="PgvigilUnusedIndex",
    severity=Severity.WARNING,
    state=AlertState.RESOLVED,
    labels={"alertname": "PgvigilUnusedIndex", "server": "orders"},
    annotations={"summary": "Index is not used"},
    active_since=NOW,
    fired_at=NOW,
    resolved_at=NOW,
)
WINDOWS = {
    "app": DatabaseWindows(
        epoch="e1",
        until=NOW,
        records={16401: WindowRecord(NOW - timedelta(days=31), counter=7)},
    )
}
SAVED = Saved(findings=(TRACKED,), alerts=(ALERT,), windows=WINDOWS)


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    first = StateFile.open(tmp_path, NOW)
    first.save("orders", SAVED)
    first.save_mutes({"f1": MUTE})
    first.close()

    second = StateFile.open(tmp_path, NOW)

    assert second.load("orders") == SAVED
    assert second.load_mutes() == {"f1": MUTE}
    assert second.notice == ""
    second.close()


def test_an_unknown_target_has_an_empty_memory(tmp_path: Path) -> None:
    state = StateFile.open(tmp_path, NOW)

    assert state.load("new") == Saved()
    state.close()


def test_saving_again_replaces(tmp_path: Path) -> None:
    state = StateFile.open(tmp_path, NOW)
    state.save("orders", SAVED)

    state.save("orders", Saved())

    assert state.load("orders") == Saved()
    state.close()


def test_a_corrupt_file_is_set_aside_and_announced(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite3").write_bytes(b"this is not a database" * 1000)

    state = StateFile.open(tmp_path, NOW)

    assert state.load("orders") == Saved()
    assert "set aside" in state.notice
    assert (tmp_path / "state.corrupt-20260301T120000Z").exists()
    state.close()


def test_a_file_of_a_later_format_is_set_aside_not_misread(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "state.sqlite3")
    database.execute("pragma user_version = 99")
    database.execute("create table other (x)")
    database.commit()
    database.close()

    state = StateFile.open(tmp_path, NOW)

    assert "format 99 is not known" in state.notice
    state.close()


def test_one_unreadable_value_costs_only_itself(tmp_path: Path) -> None:
    first = StateFile.open(tmp_path, NOW)
    first.save("orders", SAVED)
    first.close()
    database = sqlite3.connect(tmp_path / "state.sqlite3")
    database.execute("update kept set value = '{' where kind = 'alerts'")
    database.commit()
    database.close()

    second = StateFile.open(tmp_path, NOW)
    loaded = second.load("orders")

    assert (loaded.findings, loaded.alerts) == ((TRACKED,), ())
    assert "alerts" in second.notice
    second.close()


def test_two_daemons_cannot_share_a_directory(tmp_path: Path) -> None:
    first = StateFile.open(tmp_path, NOW)

    with pytest.raises(StateError, match="another pgvigil uses"):
        StateFile.open(tmp_path, NOW)

    first.close()
    StateFile.open(tmp_path, NOW).close()


def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StateError, match="could not use the state directory"):
        StateFile.open(tmp_path / "file" / "state", NOW)


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    state = StateFile.open(tmp_path, NOW)

    mode = stat.S_IMODE((tmp_path / "state.sqlite3").stat().st_mode)

    assert mode == 0o600
    state.close()


def test_a_full_file_is_an_error_and_keeps_what_it_had(tmp_path: Path) -> None:
    state = StateFile.open(tmp_path, NOW)
    state.save("orders", SAVED)
    records = {n: WindowRecord(NOW, counter=n) for n in range(1_000_000)}
    huge = {"app": DatabaseWindows(epoch="e", until=NOW, records=records)}

    with pytest.raises(StateError, match="could not write the state file"):
        state.save("orders", Saved(windows=huge))

    assert state.load("orders") == SAVED
    state.close()
