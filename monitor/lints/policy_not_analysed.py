"""A policy's expression could not be read by the parser.

## Meaning

The lints that look into expressions know nothing of this policy: whether it calls
functions per row, compares columns without an index, or lost its row in a sub-select.
Lints on the catalog alone have judged it.

## If ignored

Its flaws, if it has any, are not reported.

## How to look

    select pg_catalog.pg_get_expr(polqual, polrelid)
    from pg_catalog.pg_policy
    where polname = 'your policy';

The parser follows the grammar of PostgreSQL 18 and refuses more than 100,000
characters or very deep nesting.

## How to fix

Move lists of values into a table, and nested conditions into a function.

## How to silence

Set `thresholds.policy_not_analysed.enabled` to false, or mute the policy's finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.lints.subject import in_force
from monitor.model.catalog import Catalog
from monitor.model.finding import Evidence, Finding, Severity
from monitor.model.threshold import Parameters
from monitor.model.view import View
from monitor.sqltext.policy import is_analysed

UNIT = ""
SEVERITIES = (Severity.INFO,)
NEEDS = (Catalog,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per policy with an expression nobody looked into."""
    for subject in in_force(view):
        unread = [e for e in subject.expressions if not is_analysed(e)]
        if unread:
            yield Finding(
                severity=Severity.INFO,
                database=subject.catalog.datname,
                object=subject.ref,
                summary=f"{subject.text} could not be analysed",
                evidence=(
                    Evidence("length", sum(map(len, unread)), "characters"),
                    *subject.evidence(),
                ),
            )
