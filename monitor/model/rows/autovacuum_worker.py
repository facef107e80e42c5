"""Autovacuum workers. Source: pg_stat_activity, pg_stat_progress_vacuum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class AutovacuumRow:
    """One row per running autovacuum worker.

    `relid` is 0 before the worker has chosen a table. `is_wraparound` says that
    it works against transaction id wraparound and does not give way to locks.
    """

    KEY: ClassVar[tuple[str, ...]] = ("pid",)

    pid: int
    datname: str
    relid: int
    is_wraparound: bool
    running_seconds: float | None
