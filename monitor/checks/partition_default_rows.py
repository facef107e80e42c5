"""A default partition holds rows: the partition they belong to is missing.

## Meaning

The default partition takes the rows that no other partition does. It is meant to
stay empty; rows in it came for a month that has no partition, or their date is a
mistake. It is critical while more arrive.

## If ignored

Every statement that looks for one month has to look there, too, and the missing
partition cannot be created while the default one holds its rows. Retention, which
goes by partitions, passes these rows over.

## How to look

    select
        t.partrelid::regclass as parent,
        t.partdefid::regclass as default_partition,
        s.n_live_tup
    from pg_catalog.pg_partitioned_table as t
    join pg_catalog.pg_stat_user_tables as s on s.relid = t.partdefid
    where s.n_live_tup > 0;

Then count the rows of that partition by month.

## How to fix

For the platform's tables action `move_default_rows`, or its procedure of the same
name, creates the partitions and moves the rows. Rows whose date is a mistake are
yours to correct. For other tables: in one transaction, move the rows to a new table
of the same shape and attach that.

## How to silence

Set `thresholds.partition_default_rows.enabled` to false, or mute the table's finding.

## Thresholds

`min_tuples`: one row is enough. The number is the statistics' estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.months import month_of, shifted
from monitor.model.quoting import qualified, quote_literal
from monitor.model.rows.partitions import PartitionsRow
from monitor.model.threshold import Parameters
from monitor.model.units import number
from monitor.model.view import View

UNIT = "tuples"
SEVERITIES = (Severity.CRITICAL, Severity.WARNING)
NEEDS = (PartitionsRow,)

_PAST, _FUTURE = -24, 25
"""Months around now whose rows are not taken for mistakes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """How many rows count."""

    min_tuples: float = 1


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per default partition with rows."""
    for datname, rows in view.per_database(PartitionsRow):
        recent = view.recent(PartitionsRow, datname)
        arrived = {
            r.oid: r.default_inserted_total for r in (recent.rows if recent else ())
        }
        for row in rows:
            if row.default_tuples is None or row.default_tuples < thresholds.min_tuples:
                continue
            yield _finding(view, datname, row, arrived.get(row.oid) or 0)


def _finding(view: View, datname: str, row: PartitionsRow, arrived: int) -> Finding:
    tuples = row.default_tuples or 0
    return Finding(
        severity=Severity.CRITICAL if arrived else Severity.WARNING,
        database=datname,
        object=ObjectRef("table", row.schemaname, row.relname),
        summary=(
            f"default partition of table {qualified(row.schemaname, row.relname)} "
            f"holds {number(tuples)} rows"
        ),
        evidence=tuple(_evidence(row, tuples, arrived)),
        unknowns=("For which times the rows are: the table itself is not read.",),
        confidence="medium",
        remedy=_remedy(view, row),
        value=float(tuples),
    )


def _evidence(row: PartitionsRow, tuples: int, arrived: int) -> Iterator[Evidence]:
    name = qualified(row.default_schemaname, row.default_relname)
    yield Evidence("default partition", name)
    yield Evidence("rows", tuples, "tuples")
    yield Evidence("arrived lately", arrived, "tuples")
    if row.has_partman:
        yield Evidence("managed by", "pg_partman is installed: see its configuration")


def _remedy(view: View, row: PartitionsRow) -> Remedy | None:
    if row.has_partman or not row.is_platform:
        return None
    table = quote_literal(qualified(row.schemaname, row.relname))
    month = month_of(view.now.date())
    return Remedy(
        sql=(
            f"call app_private.move_default_rows({table}, '{shifted(month, _PAST)}', "
            f"'{shifted(month, _FUTURE)}');"
        ),
        lock="AccessExclusiveLock",
        risk="The lock is on the default partition; on the table writers wait shortly.",
    )
