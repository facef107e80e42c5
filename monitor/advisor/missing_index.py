"""A table is read from end to end where an index could find the rows.

## Meaning

The table is scanned sequentially many times a day, and recorded statements, row
level security policies or foreign keys compare columns that no index starts with.
The index given would serve what the evidence lists. Only equality is considered;
columns that statements compare together are put into one index.

## If ignored

Each such statement reads the whole table, and its time grows with the table. A
policy is evaluated for every row that any statement of the role reads.

## How to look

    select relname, seq_scan, seq_tup_read, idx_scan
    from pg_catalog.pg_stat_user_tables
    order by seq_tup_read desc
    limit 10;

Then `explain` one of the statements named in the evidence.

## How to fix

Try the index on a copy, or create it and watch: the statement builds it without
blocking writes, and the undo removes it. The improvement is not costed: a column
with few values, or a table that is cached and small, may gain nothing. Where a
policy calls functions per row, wrap those first (`policy_call_not_wrapped`).

## How to silence

Mute the finding, or raise the thresholds for tables that are scanned by design.

## Thresholds

1,000 sequential scans and 100,000 rows so read, a day, measured on the recent
window; at least 1,000 rows. Columns of policies need no scans from 10,000 rows. The
500 statements of a database that take most time are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.advisor.candidates import Candidate, Need, merged, narrowed
from monitor.advisor.subject import addition, free_name, table_name
from monitor.advisor.tables import Table, roots
from monitor.advisor.workload import (
    foreign_key_needs,
    policy_needs,
    statement_needs,
    unread,
)
from monitor.model.catalog import Catalog
from monitor.model.coverage import leading_index
from monitor.model.finding import Evidence, Finding, ObjectRef, Severity
from monitor.model.quoting import quote_ident
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.threshold import Parameters
from monitor.model.units import number, plural
from monitor.model.view import View

UNIT = "sequential scans a day"
SEVERITIES = (Severity.WARNING, Severity.INFO)
NEEDS = (TableRow, Catalog)

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Which tables are looked at, and how wide an index may get."""

    min_seq_scans_per_day: float = 1000
    min_seq_tup_read_per_day: float = 100_000
    min_rows: float = 1000
    min_rows_for_policies: float = 10_000
    max_columns: int = 3
    max_statements: int = 500


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding per index that would serve what is compared without one."""
    for catalog in view.catalogs.values():
        yield from _database(view, catalog, thresholds)


def _database(
    view: View, catalog: Catalog, thresholds: Thresholds
) -> Iterator[Finding]:
    tables = roots(view, catalog)
    hot = {oid: t for oid, t in tables.items() if _is_hot(t, thresholds)}
    needs = [*_needs(view, catalog, tables, hot, thresholds)]
    if not needs:
        return
    unknowns = tuple(_unknowns(unread(view, catalog, thresholds.max_statements)))
    for candidate in merged(narrowed(needs, thresholds.max_columns)):
        # A foreign key alone is reported by `foreign_key_without_index`.
        if all(need.reason.startswith("foreign key") for need in candidate.needs):
            continue
        yield _finding(
            catalog,
            tables[candidate.relid],
            candidate,
            unknowns,
            is_hot=candidate.relid in hot,
        )


def _is_hot(table: Table, thresholds: Thresholds) -> bool:
    if table.seq_scans is None or table.seq_tup_read is None:
        return False
    return (
        table.rows >= thresholds.min_rows
        and table.seq_scans > thresholds.min_seq_scans_per_day
        and table.seq_tup_read > thresholds.min_seq_tup_read_per_day
    )


def _needs(
    view: View,
    catalog: Catalog,
    tables: Mapping[int, Table],
    hot: Mapping[int, Table],
    thresholds: Thresholds,
) -> Iterator[Need]:
    large = {
        oid
        for oid, table in tables.items()
        if oid in hot or table.rows >= thresholds.min_rows_for_policies
    }
    for need in (
        *statement_needs(view, catalog, hot, thresholds.max_statements),
        *policy_needs(catalog, large),
        *foreign_key_needs(catalog, hot),
    ):
        if leading_index(catalog.indexes_of(need.relid), need.columns) is None:
            yield need


def _finding(
    catalog: Catalog,
    table: Table,
    candidate: Candidate,
    unknowns: tuple[str, ...],
    *,
    is_hot: bool,
) -> Finding:
    relation = table.relation
    columns = ", ".join(map(quote_ident, candidate.columns))
    name = free_name(catalog, relation, candidate.columns)
    has_policy = any(need.reason.startswith("policy") for need in candidate.needs)
    return Finding(
        severity=Severity.WARNING if has_policy else Severity.INFO,
        database=catalog.datname,
        object=ObjectRef(
            "columns",
            relation.schemaname,
            f"{relation.relname}({', '.join(candidate.columns)})",
        ),
        summary=(
            f"no index on table {table_name(relation)} ({number(table.rows)} rows) "
            f"starts with {columns}, searched by {_users(candidate)}"
        ),
        evidence=(
            *_scans(table, is_hot=is_hot),
            Evidence("rows of the table", table.rows, "rows"),
            Evidence("potential improvement", "not costed"),
            *(Evidence("needed by", n.reason) for n in candidate.needs[:_NAMED]),
            Evidence("table", table_name(relation)),
            Evidence("table oid", relation.oid),
            Evidence("index name", name),
            *(Evidence("column", column) for column in candidate.columns),
        ),
        unknowns=unknowns,
        confidence="medium" if any(n.is_certain for n in candidate.needs) else "low",
        remedy=addition(relation, name, candidate.columns),
        value=table.seq_scans,
    )


def _scans(table: Table, *, is_hot: bool) -> Iterator[Evidence]:
    if is_hot and table.seq_scans is not None and table.seq_tup_read is not None:
        yield Evidence("sequential scans a day", round(table.seq_scans))
        yield Evidence("rows read by them a day", round(table.seq_tup_read), "rows")


def _users(candidate: Candidate) -> str:
    first, *others = (need.reason for need in candidate.needs)
    return f"{first} and {plural(len(others), 'other')}" if others else first


def _unknowns(without_text: int) -> Iterator[str]:
    yield "How many rows a value selects: an index on few values is not used."
    if without_text:
        what = plural(without_text, "statement")
        yield f"What {what} without a complete text would search by."
