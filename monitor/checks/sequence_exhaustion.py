"""A sequence comes near its end.

## Meaning

How much of a sequence is used up, in percent of the smaller of its own maximum
and what the column it feeds can hold. Sequences that cycle are left out.

## If ignored

Inserts fail: "nextval: reached maximum value of sequence", or "integer out of
range" when the column is the narrower one. Widening the column then takes a
rewrite of the table while the application is down.

## How to look

    select schemaname, sequencename, data_type, last_value, max_value
    from pg_catalog.pg_sequences
    where last_value is not null
    order by last_value::numeric / max_value desc;

## How to fix

Widen the column to bigint while there is time: directly, if the table is small or
may be locked; else through a second column that a trigger fills, and a swap. Then
raise the sequence's type. References to the column need the same.

## How to silence

Raise `thresholds.sequence_exhaustion.warning` and `.critical`, or mute the
sequence's finding.

## Thresholds

70 and 90 percent: at steady growth, 70 leaves as much time as planning, testing
and moving a large table takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.quoting import qualified, quote_ident
from monitor.model.rows.sequences import SequencesRow
from monitor.model.threshold import Levels
from monitor.model.units import number
from monitor.model.view import View

UNIT = "percent"
NEEDS = (SequencesRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Percent of the sequence used up."""

    warning: float = 70
    critical: float = 90


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per sequence that is nearly used up."""
    for datname, rows in view.per_database(SequencesRow):
        for row in rows:
            percent = 100 * row.used_ratio
            severity = thresholds.severity(percent)
            if severity is None:
                continue
            yield Finding(
                severity=severity,
                database=datname,
                object=ObjectRef("sequence", row.schemaname, row.sequencename),
                summary=_summary(row, percent),
                evidence=(
                    Evidence("last value", row.last_value),
                    Evidence("highest possible value", row.limit_value),
                    Evidence("used", round(row.used_ratio, 4), "ratio"),
                ),
                unknowns=("When it will end: the rate of use is not measured.",),
                remedy=_remedy(row),
                value=percent,
            )


def _summary(row: SequencesRow, percent: float) -> str:
    name = qualified(row.schemaname, row.sequencename)
    column = f" of column {_column(row)}" if row.columnname else ""
    return (
        f"sequence {name}{column} has used {percent:.0f} % of its "
        f"{number(row.limit_value)} values"
    )


def _column(row: SequencesRow) -> str:
    table = quote_ident(row.tablename)
    return f"{table}.{quote_ident(row.columnname)}"


def _remedy(row: SequencesRow) -> Remedy:
    sequence = qualified(row.schemaname, row.sequencename)
    if not row.columnname:
        return Remedy(
            sql=f"alter sequence {sequence} as bigint maxvalue {2**63 - 1};",
            lock="ShareRowExclusiveLock",
            risk="Whatever stores the values must hold a bigint.",
        )
    table = qualified(row.schemaname, row.tablename)
    column = quote_ident(row.columnname)
    return Remedy(
        sql=(
            f"alter table {table} alter column {column} type bigint;\n"
            f"alter sequence {sequence} as bigint maxvalue {2**63 - 1};"
        ),
        lock="AccessExclusiveLock",
        risk="Rewrites the table and its indexes while nobody can read it.",
    )
