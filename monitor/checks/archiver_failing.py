"""WAL files cannot be archived.

## Meaning

The last attempt to archive a WAL file failed and none has succeeded since. The
figure is the time since the last success.

## If ignored

WAL piles up until the disk is full and the server stops. Until then, backups
cannot be restored to any moment after the last archived file.

## How to look

    select archived_count, last_archived_time, failed_count,
        last_failed_time, last_failed_wal
    from pg_catalog.pg_stat_archiver;

## How to fix

The reason is in the server's log, as the archive command's own message: a full or
unreachable archive, expired credentials, a file that is already there. Run the
command by hand as the server's user.

## How to silence

Raise `thresholds.archiver_failing.warning` and `.critical`, or mute the finding.

## Thresholds

1 min and 15 min: PostgreSQL retries every few seconds, so a minute of nothing but
failures is no hiccup, and 15 min is a common recovery point objective.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.rows.stat_archiver import ArchiverRow
from monitor.model.threshold import Levels
from monitor.model.units import duration
from monitor.model.view import View

UNIT = "seconds"
NEEDS = (ArchiverRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Seconds since a WAL file was archived, while attempts fail."""

    warning: float = 60
    critical: float = 900


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding while archiving fails."""
    for row in view.rows(ArchiverRow):
        failed, archived = row.last_failed_age_seconds, row.last_archived_age_seconds
        if failed is None or (archived is not None and archived <= failed):
            continue
        severity = _severity(archived, thresholds)
        if severity is None:
            continue
        yield Finding(
            severity=severity,
            object=ObjectRef("server"),
            summary=_summary(archived, row),
            evidence=tuple(_evidence(row, failed)),
            unknowns=("Why: the reason is in the server's log.",),
            remedy=Remedy(
                sql=(
                    "select name, setting\nfrom pg_catalog.pg_settings\n"
                    "where name in ('archive_command', 'archive_library');"
                ),
                risk="Reads only; then run the command by hand.",
            ),
            value=archived,
        )


def _severity(archived: float | None, thresholds: Thresholds) -> Severity | None:
    # Nothing was archived since the statistics began: it may never have worked.
    return Severity.CRITICAL if archived is None else thresholds.severity(archived)


def _summary(archived: float | None, row: ArchiverRow) -> str:
    wal = f"WAL file {row.last_failed_wal}" if row.last_failed_wal else "a WAL file"
    if archived is None:
        return f"could not archive {wal}; none was ever archived"
    return f"could not archive {wal}; the last success was {duration(archived)} ago"


def _evidence(row: ArchiverRow, failed: float) -> Iterator[Evidence]:
    failures = row.failed_archive_attempts_total
    yield Evidence("failed attempts since statistics began", failures, "attempts")
    yield Evidence("last failure", failed, "seconds")
    if row.last_archived_age_seconds is not None:
        yield Evidence("last success", row.last_archived_age_seconds, "seconds")
