"""Statements without their texts. Source: pg_stat_statements(false)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """One row per entry; the key has four parts, or rows collide.

    Times are seconds (the view's are milliseconds). `stats_since` exists from
    extension version 1.11.
    """

    KEY: ClassVar[tuple[str, ...]] = ("userid", "dbid", "queryid", "toplevel")

    userid: int
    dbid: int
    queryid: int
    toplevel: bool
    calls_total: int
    exec_time_seconds_total: float
    plan_time_seconds_total: float
    rows_total: int
    shared_blks_hit_total: int
    shared_blks_read_total: int
    shared_blks_dirtied_total: int
    shared_blks_written_total: int
    temp_blks_read_total: int
    temp_blks_written_total: int
    blk_read_time_seconds_total: float
    blk_write_time_seconds_total: float
    wal_bytes_total: int
    mean_exec_time_seconds: float
    stats_since: datetime | None
