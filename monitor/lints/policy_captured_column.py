"""A policy's sub-select compares its own table with itself instead of the row.

## Meaning

Inside a sub-select a column without a qualifier belongs to the sub-select's table
if that has a column of the name. In a policy on `items`, the condition
`ca.item_id = id` of a sub-select on `assignments as ca` means `ca.item_id = ca.id`
where assignments have an `id` of their own: the row that is to be judged is never
compared. Nothing in the sub-select refers to it, so it is true for every row of the
table or for none.

## If ignored

The policy shows rows that it was written to hide, or hides all that it was written
to show. No statement fails.

## How to look

    select polname, pg_catalog.pg_get_expr(polqual, polrelid)
    from pg_catalog.pg_policy;

What is printed there has every column with the table that it belongs to.

## How to fix

Qualify the outer column with the name of the policy's table: `ca.item_id =
items.id`. Then test the policy as the roles it is meant for, with a row that each
of them must see and one that it must not.

## How to silence

Set `thresholds.policy_captured_column.enabled` to false, or mute the policy's
finding, if the sub-select is meant to ask about its own table alone.
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
from monitor.sqltext.subselects import Equation, sub_selects

UNIT = ""
SEVERITIES = (Severity.CRITICAL,)
NEEDS = (Catalog,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per policy with a sub-select that lost its row."""
    for subject in in_force(view):
        captured = tuple(dict.fromkeys(_captured(subject)))
        if captured:
            yield _finding(subject, captured)


def _captured(subject: Subject) -> Iterator[str]:
    for expression in subject.expressions:
        for select in sub_selects(expression):
            if not select.depends_on_row:
                for equation in select.equations:
                    if _is_captured(equation, subject):
                        yield _printed(equation)


def _is_captured(equation: Equation, subject: Subject) -> bool:
    """Say whether a column on either side could have been meant as the row's."""
    sides = {equation.column, equation.other}
    return bool(equation.other) and not sides.isdisjoint(subject.relation.columns)


def _printed(equation: Equation) -> str:
    """Return the equation; the same for both directions."""
    left, right = sorted((equation.column, equation.other))
    table = quote_ident(equation.relname)
    return f"{table}.{quote_ident(left)} = {table}.{quote_ident(right)}"


def _finding(subject: Subject, captured: tuple[str, ...]) -> Finding:
    return Finding(
        severity=Severity.CRITICAL,
        database=subject.catalog.datname,
        object=subject.ref,
        summary=(
            f"{subject.text} never looks at the row in a sub-select: "
            f"{' and '.join(captured)} compares a table with itself"
        ),
        evidence=tuple(subject.evidence()),
        unknowns=("Which of the two columns was meant as the policy's own.",),
        confidence="medium",
    )
