"""A policy's sub-select depends on the row, so that it may run for each.

## Meaning

The sub-select names a column of the policy's table. PostgreSQL runs it once per row
that it looks at, unless it finds that it can read the other table once and keep
what it found in a hash table, which it decides anew for every plan.

## If ignored

Every statement on the table pays per row examined. Measured on 100,000 rows, 3 to 9
times the time of the form that needs no row.

## How to look

`explain (analyze)` of a count of the table, as a role that the policy applies to:
a SubPlan with as many loops as rows is one; `hashed SubPlan` is read once.

## How to fix

Turn it round: `team_id in (select m.team_id from members as m where m.user_id =
(select auth.uid()))` depends on no row and is read once per statement. With an
index on the column, `team_id = any (array(select …))` can use it.

## How to silence

Set `thresholds.policy_correlated_subquery.enabled` to false, or mute the policy's
finding where the rows that are looked at are few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.lints.subject import Subject, in_force
from monitor.model.catalog import Catalog
from monitor.model.finding import Finding, Severity
from monitor.model.quoting import quote_ident
from monitor.model.threshold import Parameters
from monitor.model.view import View
from monitor.sqltext.subselects import SubSelect, sub_selects

UNIT = ""
SEVERITIES = (Severity.INFO,)
NEEDS = (Catalog,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per policy with a sub-select that names the row."""
    for subject in in_force(view):
        found = [
            select
            for expression in subject.expressions
            for select in sub_selects(expression)
            if select.outer
        ]
        if found:
            yield _finding(subject, found)


def _finding(subject: Subject, found: list[SubSelect]) -> Finding:
    columns = dict.fromkeys(column for select in found for column in select.outer)
    tables = dict.fromkeys(select.text for select in found)
    return Finding(
        severity=Severity.INFO,
        database=subject.catalog.datname,
        object=subject.ref,
        summary=(
            f"{subject.text} reads {' and '.join(tables)} by the row's "
            f"{' and '.join(map(quote_ident, columns))}"
        ),
        evidence=tuple(subject.evidence()),
        unknowns=("Whether the planner keeps the other table in a hash table.",),
        confidence="medium",
    )
