"""A policy reads a table whose own policies are evaluated, too.

## Meaning

A sub-select of the policy reads another table with row level security, as the role
that runs the statement. The policies of that table apply to what it reads, and so
on for what those read.

## If ignored

The policy costs what both cost. It also sees only what the role may see: a table
that shows the role nothing makes the condition false without a word.

## How to look

    select polrelid::regclass, polname, pg_catalog.pg_get_expr(polqual, polrelid)
    from pg_catalog.pg_policy
    order by polrelid, polname;

## How to fix

Nothing, if the other table's policies are meant to narrow this one. Otherwise ask a
function that runs with its owner's rights and a fixed search_path, in a schema that
is not exposed, wrapped as `(select schema.function())`.

## How to silence

Set `thresholds.policy_reads_rls_table.enabled` to false, or mute the policy's
finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.lints.subject import Subject, in_force
from monitor.model.catalog import Catalog, Relation
from monitor.model.finding import Finding, Severity
from monitor.model.quoting import qualified
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.threshold import Parameters
from monitor.model.view import View

UNIT = ""
SEVERITIES = (Severity.INFO,)
NEEDS = (Catalog, PolicyReferenceRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per policy that reads another guarded table."""
    references = {
        (datname, row.policy): row
        for datname, rows in view.per_database(PolicyReferenceRow)
        for row in rows
    }
    for subject in in_force(view):
        row = references.get((subject.catalog.datname, subject.policy.oid))
        guarded = list(_guarded(subject, row)) if row else []
        if guarded:
            yield _finding(subject, guarded)


def _guarded(subject: Subject, row: PolicyReferenceRow) -> Iterator[Relation]:
    for oid in row.relations:
        relation = subject.catalog.relations.get(oid)
        # Its own table is another finding: it recurses.
        if relation is not None and relation.has_rls and oid != row.relid:
            yield relation


def _finding(subject: Subject, guarded: list[Relation]) -> Finding:
    names = sorted(qualified(each.schemaname, each.relname) for each in guarded)
    return Finding(
        severity=Severity.INFO,
        database=subject.catalog.datname,
        object=subject.ref,
        summary=(
            f"{subject.text} reads {' and '.join(names)}, whose policies are "
            "evaluated, too"
        ),
        evidence=tuple(subject.evidence()),
    )
