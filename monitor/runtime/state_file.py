"""What must survive a restart of the daemon: one bounded, versioned SQLite file.

Findings' first and last seen, mutes, the alert set, the index windows, the accepted
state of row level security and what probes have measured. Losing it loses no facts
about a server, only how long we have known them: windows and alerts begin anew, what
is there is accepted, and the loss is announced.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from monitor.errors import StateError
from monitor.model.alert import Alert, Told
from monitor.model.baseline import Baseline
from monitor.model.finding import Mute, TrackedFinding
from monitor.runtime.probe_book import SavedProbes
from monitor.runtime.windows import DatabaseWindows

FORMAT = 1
MAX_PAGES = 16384
"""Of 4 KiB each: the file never grows beyond 64 MiB."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One target's memory as it is kept."""

    findings: tuple[TrackedFinding, ...] = ()
    alerts: tuple[Alert, ...] = ()
    windows: Mapping[str, DatabaseWindows] = field(
        default_factory=dict[str, DatabaseWindows]
    )
    probes: SavedProbes = field(default_factory=SavedProbes)
    baselines: Mapping[str, Baseline] = field(default_factory=dict[str, Baseline])


_FINDINGS: TypeAdapter[tuple[TrackedFinding, ...]] = TypeAdapter(
    tuple[TrackedFinding, ...]
)
_ALERTS: TypeAdapter[tuple[Alert, ...]] = TypeAdapter(tuple[Alert, ...])
_WINDOWS: TypeAdapter[dict[str, DatabaseWindows]] = TypeAdapter(
    dict[str, DatabaseWindows]
)
_TOLD: TypeAdapter[tuple[Told, ...]] = TypeAdapter(tuple[Told, ...])
_PROBES: TypeAdapter[SavedProbes] = TypeAdapter(SavedProbes)
_BASELINES: TypeAdapter[dict[str, Baseline]] = TypeAdapter(dict[str, Baseline])
_MUTES: TypeAdapter[tuple[Mute, ...]] = TypeAdapter(tuple[Mute, ...])


class StateFile:
    """The open state file; every method may run in a worker thread, one at a time.

    `notice` says in words what was lost when the file was opened, empty if
    nothing was.
    """

    def __init__(self, path: Path, lock: IO[bytes]) -> None:
        self.notice = ""
        self._path = path
        self._lock = lock
        self._database = self._connect()

    @classmethod
    def open(cls, directory: Path, now: datetime) -> StateFile:
        """Open or create the state file; set a corrupt one aside.

        Raises:
            StateError: the directory cannot be used, or another daemon uses it.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (directory / "lock").open("wb")
        except OSError as error:
            raise StateError(
                f'could not use the state directory "{directory}"',
                detail=f"{error.strerror}.",
                hint="Set state_dir to a directory that this user can write to.",
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise StateError(
                f'another pgvigil uses the state directory "{directory}"',
                hint="Give each daemon a state_dir of its own.",
            ) from error
        path = directory / "state.sqlite3"
        try:
            return cls(path, lock)
        except sqlite3.Error as error:
            aside = path.with_suffix(f".corrupt-{now:%Y%m%dT%H%M%SZ}")
            path.rename(aside)
            fresh = cls(path, lock)
            fresh.notice = (
                f"the state file was not usable ({error}) and was set aside as "
                f'"{aside}"; findings, alerts, index windows and the accepted '
                "state of row level security begin anew"
            )
            return fresh

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, check_same_thread=False, timeout=1.0)
        try:
            os.chmod(self._path, 0o600)  # noqa: PTH101 - may not exist as Path yet
            (found,) = database.execute("pragma user_version").fetchone()
            if found not in (0, FORMAT):
                raise sqlite3.DatabaseError(f"format {found} is not known")
            database.execute("pragma journal_mode = wal")
            database.execute(f"pragma max_page_count = {MAX_PAGES}")
            database.execute(f"pragma user_version = {FORMAT}")
            database.execute(
                "create table if not exists kept "
                "(target text, kind text, value blob not null, "
                "primary key (target, kind)) without rowid"
            )
            database.commit()
        except sqlite3.Error:
            database.close()
            raise
        return database

    def load(self, target: str) -> Saved:
        """Return what is kept of a target; what cannot be read is left out."""
        return Saved(
            findings=self._get(target, "findings", _FINDINGS) or (),
            alerts=self._get(target, "alerts", _ALERTS) or (),
            windows=self._get(target, "windows", _WINDOWS) or {},
            probes=self._get(target, "probes", _PROBES) or SavedProbes(),
            baselines=self._get(target, "baselines", _BASELINES) or {},
        )

    def save(self, target: str, saved: Saved) -> None:
        """Keep a target's memory.

        Raises:
            StateError: the file could not be written, for instance on a full disk.
        """
        with self._writing():
            self._put(target, "findings", _FINDINGS.dump_json(saved.findings))
            self._put(target, "alerts", _ALERTS.dump_json(saved.alerts))
            self._put(target, "windows", _WINDOWS.dump_json(dict(saved.windows)))
            self._put(target, "probes", _PROBES.dump_json(saved.probes))
            baselines = _BASELINES.dump_json(dict(saved.baselines))
            self._put(target, "baselines", baselines)

    def load_mutes(self) -> dict[str, Mute]:
        """Return the mutes by finding id."""
        mutes = self._get("", "mutes", _MUTES) or ()
        return {mute.finding_id: mute for mute in mutes}

    def save_mutes(self, mutes: Mapping[str, Mute]) -> None:
        """Keep the mutes.

        Raises:
            StateError: the file could not be written.
        """
        with self._writing():
            self._put("", "mutes", _MUTES.dump_json(tuple(mutes.values())))

    def load_told(self, receiver: str) -> tuple[Told, ...]:
        """Return what a receiver was told, and was to be told."""
        return self._get("", f"told {receiver}", _TOLD) or ()

    def save_told(self, told: Mapping[str, tuple[Told, ...]]) -> None:
        """Keep, for each receiver, what it was told and is to be told.

        Raises:
            StateError: the file could not be written.
        """
        with self._writing():
            for receiver, alerts in told.items():
                self._put("", f"told {receiver}", _TOLD.dump_json(alerts))

    def _get(self, target: str, kind: str, adapter: TypeAdapter[T]) -> T | None:
        try:
            row: tuple[Any, ...] | None = self._database.execute(
                "select value from kept where target = ? and kind = ?", (target, kind)
            ).fetchone()
            return adapter.validate_json(row[0]) if row else None
        except (sqlite3.Error, ValidationError):
            self.notice = (
                f'the {kind} of target "{target}" in the state file could not be read; '
                "they begin anew"
            )
            return None

    def _put(self, target: str, kind: str, value: bytes) -> None:
        self._database.execute(
            "insert into kept (target, kind, value) values (?, ?, ?) "
            "on conflict (target, kind) do update set value = excluded.value",
            (target, kind, value),
        )

    @contextlib.contextmanager
    def _writing(self) -> Generator[None]:
        try:
            with self._database:
                yield
        except sqlite3.Error as error:
            raise StateError(
                f'could not write the state file "{self._path}"', detail=f"{error}."
            ) from error

    def close(self) -> None:
        """Close the file and let another daemon have the directory."""
        self._database.close()
        self._lock.close()
