"""Dead tuples pile up beyond the point where autovacuum should have worked.

## Meaning

A table's dead tuples as a multiple of its own autovacuum threshold: base plus
scale factor times its size, with the table's storage parameters where it has any.
A multiple of 1 is when autovacuum picks the table up.

## If ignored

The table and its indexes grow, scans read dead tuples over and over, and index
scans cannot be index-only.

## How to look

    select relname, n_live_tup, n_dead_tup, last_autovacuum, autovacuum_count
    from pg_catalog.pg_stat_user_tables
    order by n_dead_tup desc
    limit 10;

## How to fix

VACUUM the table; it does not block reads or writes. Then find out why autovacuum
did not come: it is switched off for the table, all workers are busy
(`autovacuum_saturation`), its work removes nothing (`xmin_horizon`), or locks
keep cancelling it.

## How to silence

Raise `thresholds.dead_tuples.warning` and `.critical` or the minimum sizes, or
mute the table's finding.

## Thresholds

2 and 10 times autovacuum's own threshold, for tables of at least 10 MB with
10,000 dead tuples: smaller ones are vacuumed in the blink of an eye anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from monitor.model import autovacuum
from monitor.model.autovacuum import Table
from monitor.model.catalog import Catalog
from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.quoting import qualified
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.threshold import Levels
from monitor.model.units import duration, number
from monitor.model.view import View

UNIT = "times the autovacuum threshold"
NEEDS = (TableRow, SettingsRow, Catalog)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Multiples of the autovacuum threshold, for tables worth the trouble."""

    warning: float = 2
    critical: float = 10
    min_dead_tuples: float = 10_000
    min_size_bytes: float = 10 * 1024 * 1024


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per table whose dead tuples pile up."""
    size_bytes = _sizes(view)
    for table in autovacuum.tables(view):
        row = table.row
        if row.n_dead_tup < thresholds.min_dead_tuples:
            continue
        if size_bytes(table) < thresholds.min_size_bytes:
            continue
        multiple = row.n_dead_tup / max(table.vacuum_threshold, 1)
        severity = thresholds.severity(multiple)
        if severity is None:
            continue
        relation = table.relation
        name = qualified(relation.schemaname, relation.relname)
        off = "" if table.is_enabled else "; autovacuum is switched off for it"
        yield Finding(
            severity=severity,
            database=table.datname,
            object=ObjectRef("table", relation.schemaname, relation.relname),
            summary=(
                f"table {name} has {number(row.n_dead_tup)} dead tuples, "
                f"{multiple:.1f} times what calls autovacuum{off}"
            ),
            evidence=tuple(_evidence(view, table)),
            unknowns=("How many of them are still visible to an old snapshot.",),
            remedy=_remedy(name, table),
            value=multiple,
        )


def _sizes(view: View) -> Callable[[Table], int]:
    """Return the lookup of a table's size in bytes: measured, else by its pages."""
    known: dict[str, dict[int, int]] = {}

    def size(table: Table) -> int:
        datname = table.datname
        if datname not in known:
            rows = view.rows(SizeRow, datname)
            known[datname] = {row.oid: row.size_bytes for row in rows}
        pages_bytes = table.relation.relpages * table.settings.block_size_bytes
        return known[datname].get(table.row.oid, pages_bytes)

    return size


def _evidence(view: View, table: Table) -> Iterator[Evidence]:
    row = table.row
    yield Evidence("dead tuples", row.n_dead_tup, "tuples")
    yield Evidence("live tuples", row.n_live_tup, "tuples")
    yield Evidence("autovacuum's threshold", round(table.vacuum_threshold), "tuples")
    yield Evidence("autovacuum", "on" if table.is_enabled else "off")
    done = [at for at in (row.last_vacuum, row.last_autovacuum) if at is not None]
    if done:
        ago = (view.now - max(done)).total_seconds()
        yield Evidence("last vacuum", f"{duration(max(ago, 0))} ago")
    else:
        yield Evidence("last vacuum", "never since statistics began")


def _remedy(name: str, table: Table) -> Remedy:
    sql = f"vacuum (analyze, truncate off) {name};"
    if autovacuum.option(table.relation, "autovacuum_enabled") is not None:
        sql += f"\nalter table {name} reset (autovacuum_enabled);"
    return Remedy(
        sql=sql,
        lock="ShareUpdateExclusiveLock",
        risk="Reads the whole table and its indexes once.",
    )
