"""Blocks are often read from outside shared buffers.

## Meaning

The percentage of block accesses that shared buffers served, per database, over
the check interval. A block that PostgreSQL reads may still come from the
operating system's cache: the ratio says how well shared buffers fit the work, not
how busy the disk is.

## If ignored

Statements become slower as the data outgrows memory, first the rare ones, then
all of them when the disk saturates.

## How to look

    select datname, blks_hit, blks_read
    from pg_catalog.pg_stat_database
    where datname is not null
    order by blks_read desc;

## How to fix

Look for statements that read many blocks: a missing index or a bloated table is
the usual cause and cheaper to cure than memory. If the working set really is
larger, raise `shared_buffers` (a quarter of the memory is a common start), which
needs a restart.

## How to silence

Lower `thresholds.cache_hit.warning` and `.critical` for targets that scan by
design, such as a warehouse, or mute the finding.

## Thresholds

90 and 85 percent: a transactional workload that fits is above 99. Fewer than
1,000 accesses in the window say nothing, nor does the first time after a restart,
while the buffers fill.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.quoting import quote_ident
from monitor.model.rows.stat_database import DatabaseRow
from monitor.model.threshold import Direction, Levels
from monitor.model.units import number
from monitor.model.view import View

UNIT = "percent"
METRIC_NAME = "cache_hit_ratio"
NEEDS_RATES = (DatabaseRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Percent of accesses served, and when that can be judged."""

    DIRECTION: ClassVar[Direction] = "below"

    warning: float = 90
    critical: float = 85
    min_accesses: float = 1000
    warm_up_seconds: float = 600


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per database with a low hit ratio."""
    delta = view.recent(DatabaseRow)
    uptime = view.now - view.server.started_at
    if delta is None or uptime < timedelta(seconds=thresholds.warm_up_seconds):
        return
    window = timedelta(seconds=delta.seconds)
    for row in delta.rows:
        yield from _judge(row, window, thresholds)


def _judge(
    row: DatabaseRow, window: timedelta, thresholds: Thresholds
) -> Iterator[Finding]:
    accesses = row.blks_hit_total + row.blks_read_total
    if not accesses or accesses < thresholds.min_accesses:
        return
    percent = 100 * row.blks_hit_total / accesses
    severity = thresholds.severity(percent)
    if severity is None:
        return
    yield Finding(
        severity=severity,
        database=row.datname,
        object=ObjectRef("database", name=row.datname),
        summary=(
            f"shared buffers served {percent:.1f} % of {number(accesses)} block "
            f"accesses in database {quote_ident(row.datname)}"
        ),
        evidence=(
            Evidence("blocks found in shared buffers", row.blks_hit_total, "", window),
            Evidence("blocks read from outside", row.blks_read_total, "", window),
            Evidence("hit ratio", round(percent / 100, 4), "ratio", window),
        ),
        unknowns=(
            "How many of the blocks read came from the operating system's cache.",
        ),
        remedy=Remedy(
            sql=(
                "select schemaname, relname, heap_blks_read, idx_blks_read\n"
                "from pg_catalog.pg_statio_user_tables\n"
                "order by heap_blks_read + coalesce(idx_blks_read, 0) desc\n"
                "limit 10;"
            ),
            risk="Reads only; shows which tables the blocks belong to.",
        ),
        value=percent,
    )
