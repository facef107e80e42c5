"""A foreign key has no index on the referencing side.

## Meaning

When a row of the referenced table is deleted, or its key updated, PostgreSQL looks
for rows that refer to it. Without an index that starts with the foreign key's
columns it reads the whole referencing table, once per deleted row. The finding says
when the referenced table has seen neither deletes nor updates: then nobody pays yet.

## If ignored

Deletes take a time that grows with the referencing table, hold their locks for as
long, and joins along the key have no index to use.

## How to look

    explain (analyze) delete from the_referenced_table where id = 1;  -- roll back

The time of the foreign key's trigger is the price.

## How to fix

Create the index given. On a partitioned table create one on each partition and
attach it.

## How to silence

Mute the finding where the referenced table never loses rows, such as a list of
countries.

## Thresholds

Tables below 1,000 rows are left alone. From 100,000 rows, with deletes or updates on
the referenced side, the finding is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.advisor.subject import addition, free_name, table_name
from monitor.advisor.tables import Table, roots
from monitor.model.catalog import Catalog, ForeignKey, Relation
from monitor.model.coverage import serving_index
from monitor.model.finding import Evidence, Finding, ObjectRef, Severity
from monitor.model.quoting import quote_ident
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.threshold import Parameters
from monitor.model.units import number
from monitor.model.view import View

UNIT = "rows"
SPLINTER = "0001_unindexed_foreign_keys"
SEVERITIES = (Severity.WARNING, Severity.INFO)
NEEDS = (TableRow, Catalog)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """From how many rows of the referencing table it matters, and matters much."""

    min_rows: float = 1000
    warning: float = 100_000


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding per foreign key whose columns no index starts with."""
    for catalog in view.catalogs.values():
        tables = roots(view, catalog)
        for key in catalog.foreign_keys:
            table = tables.get(key.relid)
            # A partition's foreign keys are its parent's: one finding is enough.
            if table is None or table.rows < thresholds.min_rows:
                continue
            if serving_index(catalog.indexes_of(key.relid), key.columns) is None:
                yield _finding(catalog, tables, table, key, thresholds)


def _finding(
    catalog: Catalog,
    tables: Mapping[int, Table],
    table: Table,
    key: ForeignKey,
    thresholds: Thresholds,
) -> Finding:
    relation = table.relation
    referenced = tables.get(key.referenced_relid)
    removals = referenced.removals if referenced else None
    is_urgent = bool(removals) and table.rows >= thresholds.warning
    columns = ", ".join(map(quote_ident, key.columns))
    name = free_name(catalog, relation, key.columns)
    return Finding(
        severity=Severity.WARNING if is_urgent else Severity.INFO,
        database=catalog.datname,
        object=ObjectRef("foreign key", relation.schemaname, _label(relation, key)),
        summary=(
            f"no index serves foreign key {quote_ident(key.name)} ({columns}) of table "
            f"{table_name(relation)}, {number(table.rows)} rows"
            + ("" if removals else "; nothing was deleted or updated on the other side")
        ),
        evidence=(
            Evidence("rows of the table", table.rows, "rows"),
            Evidence(
                "deletes and updates of the referenced table",
                "not known" if removals is None else removals,
            ),
            Evidence("potential improvement", "not costed"),
            Evidence("table", table_name(relation)),
            Evidence("table oid", relation.oid),
            Evidence("index name", name),
            *(Evidence("column", column) for column in key.columns),
        ),
        unknowns=("Whether updates of the referenced table change its key.",),
        confidence="high" if removals else "low",
        remedy=addition(relation, name, key.columns),
        value=table.rows,
    )


def _label(relation: Relation, key: ForeignKey) -> str:
    return f"{relation.relname}.{key.name}"
