"""Policies add much time to the statements of a table.

## Meaning

The 95th percentile of what the policies of a table add to its statements, for the
role whose requests suffer most. The figure is probed, not guessed: the same rows
are counted under policies and without, as users that an operator named, and the
cost of a row is multiplied by the rows that the table's costliest statements
examine. Listed statements count as timed. Without personas there is no figure, and
this check says nothing.

## If ignored

Every request pays the overhead, and it grows with the rows examined: what adds
10 ms to a table of 10,000 rows adds a second to one of a million.

## How to look

`pgvigil rls` shows the cost of a row for every table and persona, the policies, and
what is known of cheaper forms. `explain (analyze, verbose)` of a statement, after
`set local role` to the role that suffers, shows the policy's condition as Filter
where it is evaluated for each row.

## How to fix

Wrap calls that do not depend on the row in a sub-select, declare helper functions
STABLE, index the columns that policies compare, and name the role in `to`. The
findings of lints on the same table say which of these applies.

## How to silence

Raise `thresholds.rls_policy_cost.warning` and `.critical`, for one target if need
be, or mute the finding.

## Thresholds

10 and 100 ms: a request has some 100 ms before its reader notices, and a tenth of
that is what safety may cost. Fewer than 10 probed statements are an anecdote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.quoting import quote_ident, quote_literal
from monitor.model.report import Sample
from monitor.model.rls import Guarded, Overheads
from monitor.model.rls_report import percentile
from monitor.model.threshold import Levels
from monitor.model.units import duration, plural
from monitor.model.view import View

UNIT = "ms"
METRIC_NAME = "rls_policy_performance_ms"

_MS = 1000
_SHARE = 0.95
_Probed = tuple[Overheads, float]
"""Overheads of one role, and their percentile in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """95th percentile in milliseconds, and the probed statements it takes to judge."""

    warning: float = 10
    critical: float = 100
    min_probes: float = 10


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per table whose policies are dear for some role."""
    for roles in _by_table(view, thresholds.min_probes):
        worst, seconds = max(roles, key=lambda probed: probed[1])
        severity = thresholds.severity(seconds * _MS)
        if severity is not None:
            table = worst.table
            yield Finding(
                severity=severity,
                database=table.database,
                object=_object(table),
                summary=(
                    f"policies of {_name(table)} add {duration(seconds)} to statements "
                    f"of role {quote_ident(table.role)} (95th percentile)"
                ),
                evidence=tuple(_evidence(view, roles)),
                confidence="medium",
                remedy=_look(table),
                value=seconds * _MS,
            )


def samples(view: View) -> Iterator[Sample]:
    """Yield the worst figure of each table, whatever its level."""
    for roles in _by_table(view, Thresholds().min_probes):
        worst, seconds = max(roles, key=lambda probed: probed[1])
        yield Sample(
            metric_name=METRIC_NAME,
            value=seconds * _MS,
            unit=UNIT,
            database=worst.table.database,
            object=_object(worst.table),
        )


def _by_table(view: View, min_probes: float) -> Iterable[Sequence[_Probed]]:
    """Return the roles of each table with enough probes to judge."""
    found: dict[tuple[str, int], list[_Probed]] = {}
    for overheads in view.probes.overheads:
        seconds = percentile(overheads, _SHARE)
        if seconds is not None and len(overheads.recent) >= min_probes:
            place = overheads.table.database, overheads.table.relid
            found.setdefault(place, []).append((overheads, seconds))
    return found.values()


def _evidence(view: View, roles: Sequence[_Probed]) -> Iterator[Evidence]:
    for overheads, seconds in sorted(roles, key=lambda probed: -probed[1]):
        role, count = overheads.table.role, len(overheads.recent)
        text = f"{duration(seconds)} over {plural(count, 'probed statement')}"
        yield Evidence(f"role {role}", text)
    place = roles[0][0].table
    for cost in view.probes.unit_costs:
        table = cost.table
        is_here = (table.database, table.relid) == (place.database, place.relid)
        if is_here and cost.status == "ok" and cost.per_row is not None:
            name = f"cost of a row for persona {cost.persona}"
            yield Evidence(name, cost.per_row, "seconds")


def _object(table: Guarded) -> ObjectRef:
    return ObjectRef("table", table.schemaname, table.relname)


def _name(table: Guarded) -> str:
    return f"{quote_ident(table.schemaname)}.{quote_ident(table.relname)}"


def _look(table: Guarded) -> Remedy:
    return Remedy(
        sql=(
            "select p.policyname, p.cmd, p.roles, p.qual, p.with_check\n"
            "from pg_catalog.pg_policies as p\n"
            f"where p.schemaname = {quote_literal(table.schemaname)}\n"
            f"    and p.tablename = {quote_literal(table.relname)};"
        ),
        risk="Reads only; shows the policies to make cheaper.",
    )
