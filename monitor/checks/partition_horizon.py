"""A table partitioned by month is about to run out of partitions.

## Meaning

How far the newest partition of a table reaches into the future, in days. Looked at
are tables with range partitions of a month each, by one date or timestamp. A table
without a default partition that ended more than three months ago is taken for an
archive.

## If ignored

The day after the newest partition ends, inserts fail: "no partition of relation
found for row". Where there is a default partition they go there instead; then the
partition that belongs there cannot be created before its rows are moved.

## How to look

    select
        i.inhparent::regclass as parent,
        c.relname,
        pg_catalog.pg_get_expr(c.relpartbound, 0) as bound
    from pg_catalog.pg_inherits as i
    join pg_catalog.pg_class as c on c.oid = i.inhrelid
    where c.relispartition
    order by parent, relname;

## How to fix

Create partitions ahead, and let something do so every month: action
`create_partition` for the platform's tables, pg_partman or a job for others. CREATE
TABLE (LIKE …) and ATTACH PARTITION lock readers out of nothing but the default
partition; CREATE TABLE … PARTITION OF locks them out of the table.

## How to silence

Lower `thresholds.partition_horizon.warning` and `.critical`, or mute the table's
finding.

## Thresholds

31 and 7 days: a month ahead one monthly run was missed, a week ahead it is time to
act by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.months import month_of, months_from, name_of, next_month
from monitor.model.quoting import qualified, quote_literal
from monitor.model.rows.partitions import PartitionsRow
from monitor.model.threshold import Direction, Levels
from monitor.model.units import number
from monitor.model.view import View

UNIT = "days"
NEEDS = (PartitionsRow,)

_ARCHIVE = timedelta(days=92)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Days from now to the end of the newest partition."""

    DIRECTION: ClassVar[Direction] = "below"

    warning: float = 31
    critical: float = 7


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per table whose partitions end soon."""
    for datname, rows in view.per_database(PartitionsRow):
        for row in rows:
            if row.newest_bound is None or not is_monthly(row):
                continue
            left = row.newest_bound - view.now
            days = left / timedelta(days=1)
            severity = thresholds.severity(days)
            if severity is None or (left < -_ARCHIVE and not row.default_oid):
                continue
            yield Finding(
                severity=severity,
                database=datname,
                object=ObjectRef("table", row.schemaname, row.relname),
                summary=_summary(row, days),
                evidence=tuple(_evidence(row, days)),
                remedy=_remedy(row, view.now.date()),
                value=days,
            )


def is_monthly(row: PartitionsRow) -> bool:
    """Say whether a table's newest partition is one month, from its first day on."""
    if not row.names or not row.lowers[-1]:
        return False
    lower = date.fromisoformat(row.lowers[-1][:10])
    upper = date.fromisoformat(row.uppers[-1][:10])
    return lower.day == upper.day and next_month(month_of(lower)) == month_of(upper)


def _summary(row: PartitionsRow, days: float) -> str:
    name = qualified(row.schemaname, row.relname)
    if days < 0:
        return f"partitions of table {name} ended {number(round(-days))} days ago"
    return f"partitions of table {name} end in {number(round(days))} days"


def _evidence(row: PartitionsRow, days: float) -> Iterator[Evidence]:
    yield Evidence("newest partition", row.names[-1])
    yield Evidence("ends", row.uppers[-1][:10])
    yield Evidence("left", round(days, 1), "days")
    yield Evidence("default partition", row.default_relname or "none")
    if row.has_partman:
        yield Evidence("managed by", "pg_partman is installed: see its configuration")


def _remedy(row: PartitionsRow, today: date) -> Remedy | None:
    if row.has_partman:
        return Remedy(
            sql="call partman.run_maintenance_proc();",
            risk="Only for tables that pg_partman manages.",
        )
    if not row.is_platform:
        return None
    table = quote_literal(qualified(row.schemaname, row.relname))
    missing = [
        m for m in months_from(today, 4) if name_of(row.relname, m) not in row.names
    ]
    calls = (f"select app_private.create_partition({table}, '{m}');" for m in missing)
    return Remedy(
        sql="\n".join(calls),
        undo="\n".join(
            f"select app_private.remove_empty_partition({table}, '{m}');"
            for m in missing
        ),
        lock="AccessExclusiveLock",
        risk="The lock is on the default partition; on the table writers wait shortly.",
    )
