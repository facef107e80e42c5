"""The WAL directory holds far more than the settings allow for.

## Meaning

The size of the WAL directory against `max_wal_size` and `wal_keep_size` together:
so much is usual. More is kept because something has not read it yet.

## If ignored

WAL that is held back fills its disk; then the server stops, and starts again only
when somebody makes room.

## How to look

    select slot_name, active, restart_lsn, wal_status
    from pg_catalog.pg_replication_slots
    order by restart_lsn;

    select archived_count, last_archived_time, failed_count, last_failed_wal
    from pg_catalog.pg_stat_archiver;

## How to fix

A slot that nobody reads: start its reader or drop it; `max_slot_wal_keep_size`
bounds what slots may hold. An archiver that fails: its finding says why. Neither:
checkpoints cannot keep up with a load; see checkpoint_pressure. Never remove files
from the directory by hand.

## How to silence

Raise `thresholds.wal_volume`, or mute the finding while a load runs.

## Thresholds

Two and five times the usual, and at least `min_bytes`: after a burst of writes the
server keeps files to use them again. How full the disk is no query tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef
from monitor.model.rows.wal_directory import WalDirectoryRow
from monitor.model.threshold import Levels
from monitor.model.units import size
from monitor.model.view import View

UNIT = "ratio"
NEEDS = (WalDirectoryRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Size against max_wal_size and wal_keep_size; below `min_bytes` all is well."""

    warning: float = 2
    critical: float = 5
    min_bytes: float = 2 * 1024**3


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding when the WAL directory is far larger than usual."""
    for row in view.rows(WalDirectoryRow):
        if row.size_bytes < thresholds.min_bytes or not row.expected_bytes:
            continue
        ratio = row.size_bytes / row.expected_bytes
        severity = thresholds.severity(ratio)
        if severity is None:
            continue
        yield Finding(
            severity=severity,
            object=ObjectRef("server"),
            summary=(
                f"the WAL directory holds {size(row.size_bytes)}, {ratio:.1f} times "
                "what the settings allow for"
            ),
            evidence=(
                Evidence("size", row.size_bytes, "bytes"),
                Evidence("files", row.files, "files"),
                Evidence("max_wal_size and wal_keep_size", row.expected_bytes, "bytes"),
            ),
            unknowns=("How much room is left on its disk.",),
            value=ratio,
        )
