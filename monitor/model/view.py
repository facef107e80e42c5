"""All that a check may look at: one target at one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitor.model.baseline import Drift
from monitor.model.catalog import Catalog
from monitor.model.delta import Delta
from monitor.model.rls import Probes
from monitor.model.server import Server
from monitor.model.snapshot import R, Reading
from monitor.model.target import Target
from monitor.model.window import UsageWindow

Key = tuple[type[Any], str]
"""Row class and database (empty for the whole server)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementText:
    """A statement's normalised text and what the parser made of it.

    `role` and `datname` name userid and dbid; `text` is empty until fetched.
    """

    queryid: int
    text: str
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One target's last readings, deltas, catalogs and windows.

    `changes` cover the time since the previous reading of the same collector;
    `lately` covers the check interval (default 5 minutes) and is what rates with
    a minimum of events are judged on. Both lack a database after a reset.
    `bypassing` are the oids of roles that row level security does not apply to.
    `drifts` are by database, with the server's roles under an empty name;
    `drift_left_out` counts relations beyond what is compared.
    """

    target: Target
    server: Server
    now: datetime
    readings: Mapping[Key, Reading[Any]] = field(
        default_factory=dict[Key, Reading[Any]]
    )
    changes: Mapping[Key, Delta[Any]] = field(default_factory=dict[Key, Delta[Any]])
    lately: Mapping[Key, Delta[Any]] = field(default_factory=dict[Key, Delta[Any]])
    catalogs: Mapping[str, Catalog] = field(default_factory=dict[str, Catalog])
    windows: Mapping[tuple[str, int], UsageWindow] = field(
        default_factory=dict[tuple[str, int], UsageWindow]
    )
    texts: Mapping[int, StatementText] = field(default_factory=dict[int, StatementText])
    roles: Mapping[int, str] = field(default_factory=dict[int, str])
    databases: Mapping[int, str] = field(default_factory=dict[int, str])
    bypassing: frozenset[int] = frozenset()
    probes: Probes = field(default_factory=Probes)
    drifts: Mapping[str, tuple[Drift, ...]] = field(
        default_factory=dict[str, tuple[Drift, ...]]
    )
    drift_left_out: Mapping[str, int] = field(default_factory=dict[str, int])

    def rows(self, kind: type[R], datname: str = "") -> tuple[R, ...]:
        """Return the last rows of a kind; empty when never read or withdrawn."""
        reading = self.readings.get((kind, datname))
        return reading.rows if reading else ()

    def has(self, kind: type[R], datname: str = "") -> bool:
        """Say whether a kind has been read: no rows is not the same as no data."""
        return (kind, datname) in self.readings

    def per_database(self, kind: type[R]) -> Iterator[tuple[str, tuple[R, ...]]]:
        """Yield database and rows for kinds that are read in each database."""
        for (row_class, datname), reading in self.readings.items():
            if row_class is kind and datname:
                yield datname, reading.rows

    def recent(self, kind: type[R], datname: str = "") -> Delta[R] | None:
        """Return the delta over the check interval; None across a reset."""
        return self.lately.get((kind, datname))
