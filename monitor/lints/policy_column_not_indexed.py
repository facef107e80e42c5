"""A policy compares a column that no index begins with.

## Meaning

The policy compares a column of its table with something that is the same for every
row, and no index begins with that column. Where conditions are joined with OR,
PostgreSQL can use indexes only if each of them has one; where an index would not
help because another branch cannot use any, nothing is reported. Nor are comparisons
with a constant: they may be true for most rows.

## If ignored

Every statement on the table reads it from end to end, whoever asks for how little.
Measured on 100,000 rows: over 3,000 times the time of the same policy with an index.

## How to look

`explain` of a count of the table, as a role that the policy applies to: a Seq Scan
whose Filter is the policy.

## How to fix

Create the index, as the remedy does. A VOLATILE function on the other side prevents
its use: declare it STABLE. Several permissive policies for the same command are
joined with OR: each of them needs an index.

## How to silence

Mute the policy's finding, or raise `thresholds.policy_column_not_indexed.warning`
to the rows above which it is worth a ticket.

## Thresholds

A warning from 10,000 rows as of the last ANALYZE, below that for information.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.lints.subject import Subject, in_force
from monitor.model.catalog import Catalog, Index
from monitor.model.finding import Finding, Remedy, Severity
from monitor.model.quoting import qualified, quote_ident
from monitor.model.threshold import Parameters
from monitor.model.view import View
from monitor.sqltext.searches import lacking

UNIT = "tuples"
SEVERITIES = (Severity.WARNING, Severity.INFO)
NEEDS = (Catalog,)

_MAX_NAME_BYTES = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """From how many rows on it is a warning."""

    warning: float = 10_000


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per policy with columns to index."""
    for subject in in_force(view):
        if subject.policy.using:
            known = _leading(subject)
            columns = lacking(subject.policy.using, known.__contains__)
            own = tuple(c for c in columns if c in subject.relation.columns)
            if own:
                yield _finding(subject, own, thresholds)


def _leading(subject: Subject) -> frozenset[str]:
    """Return the columns that an index begins with, a partial one as well.

    Whether its predicate covers the policy is not for us to say.
    """
    indexes = subject.catalog.indexes_of(subject.relation.oid)
    return frozenset(index.columns[0] for index in indexes if _is_usable(index))


def _is_usable(index: Index) -> bool:
    return index.is_valid and index.is_ready and index.method != "brin"


def _finding(
    subject: Subject, columns: tuple[str, ...], thresholds: Thresholds
) -> Finding:
    is_large = subject.rows >= thresholds.warning
    quoted = " and ".join(map(quote_ident, columns))
    return Finding(
        severity=Severity.WARNING if is_large else Severity.INFO,
        database=subject.catalog.datname,
        object=subject.ref,
        summary=f"{subject.text} compares {quoted}, which no index begins with",
        evidence=tuple(subject.evidence()),
        unknowns=(
            "How many rows the comparison leaves.",
            "Whether every other permissive policy for the command has an index.",
        ),
        confidence="medium",
        remedy=_remedy(subject, columns),
        value=subject.rows,
    )


def _remedy(subject: Subject, columns: tuple[str, ...]) -> Remedy | None:
    if subject.relation.kind == "p":
        # CONCURRENTLY is refused for a parent: each partition needs its own steps.
        return None
    names = [_name(subject, column) for column in columns]
    schema = subject.relation.schemaname
    return Remedy(
        sql="\n".join(
            f"create index concurrently {quote_ident(name)} on {subject.table}"
            f" ({quote_ident(column)});"
            for name, column in zip(names, columns, strict=True)
        ),
        undo="\n".join(
            f"drop index concurrently {qualified(schema, name)};" for name in names
        ),
        lock="ShareUpdateExclusiveLock",
        risk=(
            "Reads the table twice and waits for older transactions; every later "
            "write maintains the index. An interrupted build leaves an invalid one."
        ),
    )


def _name(subject: Subject, column: str) -> str:
    wanted = f"{subject.relation.relname}_{column}_idx"
    return wanted.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
