"""A policy looks rows up in another table where no index can find them.

## Meaning

A sub-select of the policy compares columns of another table, and no index of that
table begins with any of them. Constants such as `is_active = true` do not count.

## If ignored

Each time the sub-select runs it reads that table from end to end: once per
statement, or for each row that is looked at if it depends on the row.

## How to look

`explain (analyze)` of a count of the table, as a role that the policy applies to:
a Seq Scan below an InitPlan or a SubPlan.

## How to fix

Create an index on the other table that begins with the column that narrows its rows
most: `create index concurrently on members (user_id);`. On a table of a few pages
nothing is gained.

## How to silence

Set `thresholds.policy_subquery_column_not_indexed.enabled` to false, or mute the
policy's finding where the other table stays small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.lints.subject import Subject, Tables, in_force, rows_of, tables_by_name
from monitor.model.catalog import Catalog, Index, Relation
from monitor.model.finding import Evidence, Finding, Severity
from monitor.model.quoting import qualified, quote_ident
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
    """Yield one finding per policy that looks up without an index."""
    named = tables_by_name(view)
    for subject in in_force(view):
        tables = named[subject.catalog.datname]
        lacking = {
            table: columns
            for expression in subject.expressions
            for select in sub_selects(expression)
            for table, columns in _compared(select, tables)
            if not _is_led(subject.catalog, table, columns)
        }
        if lacking:
            yield _finding(subject, lacking)


def _compared(
    select: SubSelect, tables: Tables
) -> Iterator[tuple[Relation, tuple[str, ...]]]:
    """Yield the compared columns of each table, those next to constants left out."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for each in select.equations:
        if not (each.is_constant or each.other):
            name = each.schema, each.relname
            found[name] = (*found.get(name, ()), each.column)
    for name, columns in found.items():
        if name in tables:
            yield tables[name], columns


def _is_led(catalog: Catalog, table: Relation, columns: tuple[str, ...]) -> bool:
    return any(_leads(index, columns) for index in catalog.indexes_of(table.oid))


def _leads(index: Index, columns: tuple[str, ...]) -> bool:
    """Say whether an index may find rows; a partial one, as far as we can tell."""
    return index.is_valid and index.is_ready and index.columns[0] in columns


def _finding(subject: Subject, lacking: Mapping[Relation, tuple[str, ...]]) -> Finding:
    names = [
        f"{_name(table)} ({', '.join(map(quote_ident, columns))})"
        for table, columns in lacking.items()
    ]
    return Finding(
        severity=Severity.INFO,
        database=subject.catalog.datname,
        object=subject.ref,
        summary=f"{subject.text} looks up {' and '.join(names)} without an index",
        evidence=(
            *subject.evidence(),
            *(_size(subject.catalog, table) for table in lacking),
        ),
        unknowns=("How often the sub-select runs.",),
        confidence="medium",
    )


def _size(catalog: Catalog, table: Relation) -> Evidence:
    rows = round(rows_of(catalog, table))
    return Evidence(f"rows of {_name(table)}", rows, "tuples")


def _name(table: Relation) -> str:
    return qualified(table.schemaname, table.relname)
