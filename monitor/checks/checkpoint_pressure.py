"""Checkpoints are forced by the volume of WAL.

## Meaning

Checkpoints that were requested, not due by `checkpoint_timeout`, over the check
interval, as a rate per hour. They are requested when WAL since the last one comes
near `max_wal_size`; CHECKPOINT and base backups request them as well.

## If ignored

Each checkpoint writes all dirty buffers, and after it the first change of each
page puts the whole page into WAL, which brings the next checkpoint nearer: writes
and WAL multiply, and commits wait for the disk.

## How to look

    select name, setting, unit
    from pg_catalog.pg_settings
    where name in ('max_wal_size', 'checkpoint_timeout', 'log_checkpoints');

Checkpoints are counted in pg_stat_checkpointer (`num_timed`, `num_requested`), until
PostgreSQL 16 in pg_stat_bgwriter (`checkpoints_timed`, `checkpoints_req`).

## How to fix

Raise `max_wal_size` until checkpoints are timed; it takes that much disk, and
recovery after a crash takes longer. `checkpoint_completion_target` near 1 spreads
the writes. Bulk loads need neither indexes nor foreign keys while they run.

## How to silence

Raise `thresholds.checkpoint_pressure`, or mute the finding while a load runs.

## Thresholds

12 an hour are one each five minutes, the default `checkpoint_timeout`: more means
that it never comes to that. At 60 the server is always checkpointing. At least
`min_requested` within the check interval: one may be somebody's command.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.rows.stat_checkpointer import CheckpointerRow
from monitor.model.rows.wal_directory import WalDirectoryRow
from monitor.model.threshold import Levels
from monitor.model.units import plural
from monitor.model.view import View

UNIT = "checkpoints per hour"
NEEDS_RATES = (CheckpointerRow,)
_HOUR = 3600.0
_RELOAD = "select pg_catalog.pg_reload_conf();"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Requested checkpoints in an hour; fewer than `min_requested` are chance."""

    warning: float = 12
    critical: float = 60
    min_requested: float = 2


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding when WAL forces checkpoints."""
    delta = view.recent(CheckpointerRow)
    if delta is None or view.server.is_standby:
        return
    window = timedelta(seconds=delta.seconds)
    for row in delta.rows:
        rate = row.requested_total / delta.seconds * _HOUR
        severity = thresholds.severity(rate)
        if severity is None or row.requested_total < thresholds.min_requested:
            continue
        yield Finding(
            severity=severity,
            object=ObjectRef("server"),
            summary=(
                f"{plural(row.requested_total, 'checkpoint')} forced by the volume of"
                f" WAL, {row.timed_total} due by time"
            ),
            evidence=(
                Evidence("requested", row.requested_total, "checkpoints", window),
                Evidence("timed", row.timed_total, "checkpoints", window),
                Evidence("writing", row.write_time_seconds_total, "seconds", window),
                Evidence("buffers written", row.buffers_written_total, "", window),
            ),
            unknowns=("Whether somebody ran CHECKPOINT or took a base backup.",),
            confidence="medium",
            remedy=_remedy(view),
            value=rate,
        )


def _remedy(view: View) -> Remedy | None:
    """Return twice what is allowed for now; None where that was not read."""
    for row in view.rows(WalDirectoryRow):
        megabytes = 2 * row.expected_bytes // 1024**2
        return Remedy(
            sql=f"alter system set max_wal_size = '{megabytes}MB';\n{_RELOAD}",
            undo=f"alter system reset max_wal_size;\n{_RELOAD}",
            risk="Takes that much disk for WAL; recovery after a crash takes longer.",
        )
    return None
