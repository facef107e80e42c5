"""Tables as applications name them: partitions count towards their root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.model.catalog import Catalog, Relation
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.view import View

_TABLES = frozenset({"r", "p", "m"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table or the root of its partitions, with sums over all of them.

    `rows` is what ANALYZE or the statistics last counted. `removals` are rows
    deleted or updated since the statistics began, None where they are not read.
    `seq_scans` and `seq_tup_read` are per day over the recent delta, None without.
    """

    relation: Relation
    rows: float
    removals: int | None
    seq_scans: float | None
    seq_tup_read: float | None


def roots(view: View, catalog: Catalog) -> Mapping[int, Table]:
    """Return the tables of a database that are no partitions, by oid."""
    members: dict[int, list[Relation]] = {}
    for relation in catalog.relations.values():
        if relation.kind in _TABLES:
            members.setdefault(_root(catalog, relation), []).append(relation)
    statistics = {row.oid: row for row in view.rows(TableRow, catalog.datname)}
    recent = view.recent(TableRow, catalog.datname)
    changes = {row.oid: row for row in recent.rows} if recent else None
    per_day = 86400 / recent.seconds if recent and recent.seconds else 0.0
    return {
        oid: Table(
            relation=catalog.relations[oid],
            rows=sum(_rows(each, statistics) for each in parts),
            removals=_removals(parts, statistics),
            seq_scans=_sum(parts, changes, "seq_scan_total", per_day),
            seq_tup_read=_sum(parts, changes, "seq_tup_read_total", per_day),
        )
        for oid, parts in members.items()
    }


def root_of(catalog: Catalog, oid: int) -> int:
    """Return the oid of the table a partition belongs to in the end."""
    relation = catalog.relations.get(oid)
    return oid if relation is None else _root(catalog, relation)


def _root(catalog: Catalog, relation: Relation) -> int:
    # A parent that the catalog does not hold (another role's, dropped meanwhile)
    # leaves the partition on its own.
    while relation.parent and relation.parent in catalog.relations:
        relation = catalog.relations[relation.parent]
    return relation.oid


def _rows(relation: Relation, statistics: Mapping[int, TableRow]) -> float:
    row = statistics.get(relation.oid)
    # The root's own reltuples, if analyzed, already counts its partitions.
    known = 0.0 if relation.kind == "p" else max(relation.reltuples, 0.0)
    return max(known, float(row.n_live_tup) if row else 0.0)


def _removals(parts: list[Relation], statistics: Mapping[int, TableRow]) -> int | None:
    rows = list(_present(parts, statistics))
    if not rows:
        return None
    return sum(row.n_tup_del_total + row.n_tup_upd_total for row in rows)


def _sum(
    parts: list[Relation],
    changes: Mapping[int, TableRow] | None,
    counter: str,
    per_day: float,
) -> float | None:
    if changes is None:
        return None
    return per_day * sum(getattr(row, counter) for row in _present(parts, changes))


def _present(parts: list[Relation], rows: Mapping[int, TableRow]) -> Iterator[TableRow]:
    for relation in parts:
        row = rows.get(relation.oid)
        if row is not None:
            yield row
