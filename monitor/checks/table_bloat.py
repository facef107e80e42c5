"""A table is larger than its live tuples need.

## Meaning

The percentage of a table's main fork that its live tuples would not need if they
were packed at the table's fillfactor. It is an estimate from planner statistics:
good enough to find the tables worth a look, too rough to argue about single
percents. Space that is free now and will be reused counts as well. Where the
statistics cannot be seen, the share of dead tuples is a lower bound; where even
that says nothing, the finding says so.

## If ignored

Sequential scans and caches carry air; backups and standbys too. Bloat that grows
means that VACUUM does not keep up or is held back.

## How to look

    select relname, n_live_tup, n_dead_tup, last_autovacuum
    from pg_catalog.pg_stat_user_tables
    order by n_dead_tup desc
    limit 10;

With the extension, `select * from pgstattuple_approx('schema.table')` measures it.

## How to fix

First stop the growth: find what holds back VACUUM (`xmin_horizon`) and let
autovacuum run earlier on this table. A plain VACUUM makes the space reusable.
Giving it back to the system takes pg_repack or, with the table locked against
everything, VACUUM FULL; do that only when the space will not be needed again.

## How to silence

Raise `thresholds.table_bloat.warning` and `.critical` or `.min_size_bytes`, or
mute the table's finding. Queue tables live with bloat happily.

## Thresholds

20 and 40 percent: up to a fifth is the room that updates need to work in. Below
10 MB there is nothing to win.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.catalog import Catalog, Relation
from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.quoting import qualified, quote_ident
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.threshold import Levels
from monitor.model.units import plural, size
from monitor.model.view import View

UNIT = "percent"
SPLINTER = "0020_table_bloat"
SEVERITIES = (Severity.INFO,)
METRIC_NAME = "table_bloat_ratio"
NEEDS = (SizeRow, Catalog)

_TABLES = ("r", "m")
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Percent of a table that is not needed, for tables of a certain size."""

    warning: float = 20
    critical: float = 40
    min_size_bytes: float = 10 * 1024 * 1024


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding per bloated table and one per database that cannot be judged."""
    for datname, rows in view.per_database(SizeRow):
        catalog = view.catalogs.get(datname)
        if catalog is not None:
            yield from _database(view, catalog, rows, thresholds)


def _database(
    view: View, catalog: Catalog, rows: tuple[SizeRow, ...], thresholds: Thresholds
) -> Iterator[Finding]:
    statistics = {row.oid: row for row in view.rows(TableRow, catalog.datname)}
    hidden: list[Relation] = []
    judged = 0
    for row in rows:
        relation = catalog.relations.get(row.oid)
        if relation is None or relation.kind not in _TABLES:
            continue
        if row.size_bytes < thresholds.min_size_bytes:
            continue
        waste = _waste(row, statistics.get(row.oid))
        severity = thresholds.severity(waste.percent)
        if severity is not None:
            yield _finding(catalog.datname, relation, waste, severity)
        if row.estimated_bytes is not None:
            judged += 1
        elif severity is None:
            hidden.append(relation)
    if hidden:
        yield _cannot_say(view, catalog, hidden, judged)


@dataclass(frozen=True, slots=True)
class _Waste:
    """How much of a table is not needed, and what that rests on.

    Without planner statistics the dead tuples' share is what is wasted at least.
    """

    size: SizeRow
    statistics: TableRow | None
    dead_share: float | None

    @property
    def is_lower_bound(self) -> bool:
        return self.size.estimated_bytes is None

    @property
    def bytes(self) -> int:
        if self.size.estimated_bytes is None:
            return round(self.size.size_bytes * (self.dead_share or 0.0))
        return max(self.size.size_bytes - self.size.estimated_bytes, 0)

    @property
    def percent(self) -> float:
        return 100 * self.bytes / self.size.size_bytes


def _waste(row: SizeRow, statistics: TableRow | None) -> _Waste:
    if statistics is None or not statistics.n_dead_tup:
        return _Waste(row, statistics, None)
    tuples = statistics.n_live_tup + statistics.n_dead_tup
    return _Waste(row, statistics, statistics.n_dead_tup / tuples)


def _finding(
    datname: str, relation: Relation, waste: _Waste, severity: Severity
) -> Finding:
    table = qualified(relation.schemaname, relation.relname)
    about = "at least" if waste.is_lower_bound else "about"
    certain = waste.size.is_exact and not waste.is_lower_bound
    return Finding(
        severity=severity,
        database=datname,
        object=ObjectRef("table", relation.schemaname, relation.relname),
        summary=(
            f"{about} {waste.percent:.0f} % of table {table} ({size(waste.bytes)} of "
            f"{size(waste.size.size_bytes)}) is not needed by its live tuples"
        ),
        evidence=tuple(_evidence(waste)),
        unknowns=tuple(_doubts(waste)),
        confidence="medium" if certain else "low",
        remedy=Remedy(
            sql=f"vacuum (verbose, analyze) {table};",
            lock="ShareUpdateExclusiveLock",
            risk=(
                "Makes the space reusable but rarely returns it to the system; "
                "reads the whole table."
            ),
        ),
        value=waste.percent,
    )


def _evidence(waste: _Waste) -> Iterator[Evidence]:
    yield Evidence("size of the table", waste.size.size_bytes, "bytes")
    yield Evidence("estimated waste", waste.bytes, "bytes")
    yield Evidence("estimated share of waste", round(waste.percent / 100, 4), "ratio")
    if waste.statistics is not None:
        yield Evidence("dead tuples", waste.statistics.n_dead_tup, "tuples")
    if waste.dead_share is not None:
        yield Evidence("share of dead tuples", round(waste.dead_share, 4), "ratio")


def _doubts(waste: _Waste) -> Iterator[str]:
    if waste.is_lower_bound:
        yield (
            "Space that is already free: planner statistics cannot be seen, so only "
            "dead tuples count."
        )
    else:
        yield "The true share: it is estimated from column widths, not measured."
    if not waste.size.is_exact:
        yield "The current size: relpages as of the last VACUUM or ANALYZE."


def _cannot_say(
    view: View, catalog: Catalog, hidden: list[Relation], judged: int
) -> Finding:
    names = [qualified(r.schemaname, r.relname) for r in hidden[:_NAMED]]
    more = f" and {len(hidden) - _NAMED} more" if len(hidden) > _NAMED else ""
    return Finding(
        severity=Severity.INFO,
        database=catalog.datname,
        object=ObjectRef("database", name=catalog.datname),
        summary=(
            f"cannot say how bloated {plural(len(hidden), 'table')} of database "
            f"{quote_ident(catalog.datname)} {'is' if len(hidden) == 1 else 'are'}"
        ),
        evidence=(
            Evidence("tables without visible statistics", len(hidden), "tables"),
            Evidence("tables judged", judged, "tables"),
        ),
        unknowns=(f"The bloat of {', '.join(names)}{more}: {_reason(view, hidden)}.",),
        remedy=Remedy(
            sql=f"analyze {names[0]};",
            lock="ShareUpdateExclusiveLock",
            risk="Samples the table; helps only where statistics were never gathered.",
        ),
    )


def _reason(view: View, hidden: list[Relation]) -> str:
    if any(relation.has_rls for relation in hidden) and not view.server.bypasses_rls:
        return (
            "row level security hides planner statistics from role "
            f"{quote_ident(view.server.role)}"
        )
    return (
        "planner statistics are missing, or hidden from role "
        f"{quote_ident(view.server.role)} because it may not read the tables"
    )
