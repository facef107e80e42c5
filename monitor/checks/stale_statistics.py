"""A table has changed so much that its planner statistics mislead.

## Meaning

Changed tuples since the last ANALYZE as a multiple of the table's own
auto-analyze threshold; or a table with data that was never analyzed.

## If ignored

The planner guesses: it takes nested loops over thousands of rows it believes to
be one, or skips the index it should use. The cause is hard to see afterwards.

## How to look

    select relname, n_mod_since_analyze, last_analyze, last_autoanalyze
    from pg_catalog.pg_stat_user_tables
    order by n_mod_since_analyze desc
    limit 10;

## How to fix

ANALYZE the table; it samples and is quick. After bulk loads and restores do it in
the script itself. If it happens by itself, autovacuum does not keep up: see
`autovacuum_saturation`, and whether autovacuum is on for this table.

## How to silence

Raise `thresholds.stale_statistics.warning` or `.min_tuples`, or mute the table's
finding.

## Thresholds

3 times the auto-analyze threshold, for tables of at least 10,000 tuples: a busy
autovacuum is late by one or two. It is never critical.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model import autovacuum
from monitor.model.autovacuum import Table
from monitor.model.catalog import Catalog
from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.quoting import qualified
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.threshold import Parameters
from monitor.model.units import duration, number
from monitor.model.view import View

UNIT = "times the auto-analyze threshold"
NEEDS = (TableRow, SettingsRow, Catalog)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Multiples of the auto-analyze threshold, for tables worth the trouble."""

    warning: float = 3
    min_tuples: float = 10_000


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per table with stale or missing statistics."""
    for table in autovacuum.tables(view):
        row, relation = table.row, table.relation
        if max(row.n_live_tup, relation.reltuples) < thresholds.min_tuples:
            continue
        never = _was_never_analyzed(table)
        multiple = row.n_mod_since_analyze / max(table.analyze_threshold, 1)
        if multiple < thresholds.warning and not never:
            continue
        name = qualified(relation.schemaname, relation.relname)
        yield Finding(
            severity=Severity.WARNING,
            database=table.datname,
            object=ObjectRef("table", relation.schemaname, relation.relname),
            summary=_summary(name, row, multiple, never=never),
            evidence=tuple(_evidence(view, table)),
            remedy=Remedy(
                sql=f"analyze {name};",
                lock="ShareUpdateExclusiveLock",
                risk="Samples the table; plans may change, for the better as a rule.",
            ),
            value=multiple,
        )


def _was_never_analyzed(table: Table) -> bool:
    """Judge by reltuples too: after a crash the times are lost, statistics are not."""
    row, relation = table.row, table.relation
    if row.last_analyze is not None or row.last_autoanalyze is not None:
        return False
    return relation.reltuples < 0 or (relation.reltuples, relation.relpages) == (0, 0)


def _summary(name: str, row: TableRow, multiple: float, *, never: bool) -> str:
    if never:
        tuples = number(row.n_live_tup)
        return f"table {name} with about {tuples} tuples was never analyzed"
    return (
        f"{number(row.n_mod_since_analyze)} tuples of table {name} have changed since "
        f"the last ANALYZE, {multiple:.1f} times what calls autovacuum"
    )


def _evidence(view: View, table: Table) -> Iterator[Evidence]:
    row = table.row
    yield Evidence("changed since ANALYZE", row.n_mod_since_analyze, "tuples")
    yield Evidence("live tuples", row.n_live_tup, "tuples")
    yield Evidence("auto-analyze threshold", round(table.analyze_threshold), "tuples")
    done = [at for at in (row.last_analyze, row.last_autoanalyze) if at is not None]
    if done:
        ago = (view.now - max(done)).total_seconds()
        yield Evidence("last ANALYZE", f"{duration(max(ago, 0))} ago")
