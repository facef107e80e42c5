"""Checkpoints of a server. Source: pg_stat_checkpointer, pg_stat_bgwriter until 16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointerRow:
    """One row; restartpoints are counted from 17, completed checkpoints from 18.

    `requested_total` are those begun because WAL reached max_wal_size, or by a
    command: CHECKPOINT, a base backup.
    """

    KEY: ClassVar[tuple[str, ...]] = ()

    timed_total: int
    requested_total: int
    done_total: int | None
    restartpoints_timed_total: int | None
    restartpoints_requested_total: int | None
    restartpoints_done_total: int | None
    write_time_seconds_total: float
    sync_time_seconds_total: float
    buffers_written_total: int
