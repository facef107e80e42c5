"""Data pages fail their checksum.

## Meaning

PostgreSQL read a page whose checksum does not match its contents: the storage
returned something other than what was written. Needs data checksums to be on.

## If ignored

Data is lost, silently wrong, or both, and backups made from now on contain it.

## How to look

    select datname, checksum_failures, checksum_last_failure
    from pg_catalog.pg_stat_database
    where checksum_failures > 0;

The server's log names the block and file ("invalid page in block").

## How to fix

Stop trusting this storage. Fail over to a standby that is not affected, or
restore the last backup that is, and check it with pg_checksums or amcheck. Never
set `zero_damaged_pages` before there is a copy of the files.

## How to silence

After the repair, mute the finding: the counter stands until the database's
statistics are reset.

## Thresholds

None: a single failure is corruption. It is critical while failures are being
counted, a warning as long as the counter is not zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from monitor.model.delta import Delta
from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.quoting import quote_ident
from monitor.model.rows.stat_database import DatabaseRow
from monitor.model.threshold import Parameters
from monitor.model.units import plural
from monitor.model.view import View

UNIT = "failures"
SEVERITIES = (Severity.CRITICAL, Severity.WARNING)
NEEDS = (DatabaseRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per database with checksum failures."""
    delta = view.recent(DatabaseRow)
    fresh = {row.datname: row.checksum_failures_total for row in _rows(delta)}
    window = timedelta(seconds=delta.seconds) if delta else None
    for row in view.rows(DatabaseRow):
        if not row.checksum_failures_total:
            continue
        recent = fresh.get(row.datname) or 0
        evidence = [
            Evidence("failures since statistics began", row.checksum_failures_total)
        ]
        if window is not None:
            evidence.append(Evidence("recent failures", recent, "failures", window))
        yield Finding(
            severity=Severity.CRITICAL if recent else Severity.WARNING,
            database=row.datname,
            object=ObjectRef("database", name=row.datname),
            summary=(
                f"{plural(row.checksum_failures_total, 'checksum failure')} in "
                f"database {quote_ident(row.datname)}"
            ),
            evidence=tuple(evidence),
            unknowns=("Which files and blocks: they are in the server's log.",),
            remedy=Remedy(
                sql=(
                    "select datname, checksum_failures, checksum_last_failure\n"
                    "from pg_catalog.pg_stat_database\nwhere checksum_failures > 0;"
                ),
                risk="Reads only; shows when the last failure was.",
            ),
            value=float(row.checksum_failures_total),
        )


def _rows(delta: Delta[DatabaseRow] | None) -> tuple[DatabaseRow, ...]:
    return delta.rows if delta else ()
