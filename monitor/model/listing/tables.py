"""Tables with size, tuples, scans and upkeep, joined by oid.

Source: the catalog cache, pg_stat_get_* and the rotation of sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from monitor.model.catalog import Relation
from monitor.model.listing import identity, ratio
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.view import View

ORDERS = (
    "total_bytes",
    "n_dead_tup",
    "dead_ratio",
    "seq_tup_read",
    "n_live_tup",
    "indexes_bytes",
    "frozen_xid_age",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableEntry:
    """One table; None is what has not been read or cannot be known.

    Counters (`seq_scan`, `idx_scan`, `seq_tup_read`) are since the statistics
    began. `bloat_bytes` is what the live tuples would not need, estimated from
    planner statistics. `is_exact` says that sizes were measured, not relpages.
    """

    id: str
    target: str
    database: str
    oid: int
    schema: str
    name: str
    kind: str
    owner: str
    total_bytes: int | None
    table_bytes: int | None
    toast_bytes: int | None
    indexes_bytes: int | None
    bloat_bytes: int | None
    is_exact: bool
    n_live_tup: int | None
    n_dead_tup: int | None
    dead_ratio: float | None
    n_mod_since_analyze: int | None
    seq_scan: int | None
    seq_tup_read: int | None
    idx_scan: int | None
    hit_ratio: float | None
    last_vacuum: datetime | None
    last_autovacuum: datetime | None
    last_analyze: datetime | None
    last_autoanalyze: datetime | None
    frozen_xid_age: int | None
    has_rls: bool


class Table(NamedTuple):
    """What a table's entry is made from: cheap to rank, turned into it when shown."""

    target: str
    database: str
    relation: Relation
    row: TableRow | None
    size: SizeRow | None

    @property
    def id(self) -> str:
        """Return the entry's id."""
        relation = self.relation
        return identity(
            self.target, self.database, relation.schemaname, relation.relname
        )

    @property
    def total_bytes(self) -> int | None:
        """Return the size with toast and indexes."""
        return self.size.total_bytes if self.size else None

    @property
    def indexes_bytes(self) -> int | None:
        """Return the size of the indexes."""
        return self.size.indexes_bytes if self.size else None

    @property
    def frozen_xid_age(self) -> int | None:
        """Return the age in transactions of the oldest unfrozen transaction id."""
        return self.size.frozen_xid_age if self.size else None

    @property
    def n_live_tup(self) -> int | None:
        """Return the estimated live tuples."""
        return self.row.n_live_tup if self.row else None

    @property
    def n_dead_tup(self) -> int | None:
        """Return the estimated dead tuples."""
        return self.row.n_dead_tup if self.row else None

    @property
    def dead_ratio(self) -> float | None:
        """Return the dead tuples' share of all."""
        row = self.row
        return ratio(row.n_dead_tup, row.n_live_tup + row.n_dead_tup) if row else None

    @property
    def seq_tup_read(self) -> int | None:
        """Return the tuples read by sequential scans."""
        return self.row.seq_tup_read_total if self.row else None

    def entry(self) -> TableEntry:
        """Return the row to show."""
        return _entry(self)


_LISTED = frozenset("rpm")
"""Tables, partitioned tables and materialized views; toast is part of its table."""


def tables(view: View) -> Iterator[Table]:
    """Yield all tables of all databases, in no order."""
    for datname, catalog in view.catalogs.items():
        rows = {row.oid: row for row in view.rows(TableRow, datname)}
        sizes = {row.oid: row for row in view.rows(SizeRow, datname)}
        target = view.target.name
        for oid, relation in catalog.relations.items():
            if relation.kind in _LISTED:
                yield Table(target, datname, relation, rows.get(oid), sizes.get(oid))


def _entry(table: Table) -> TableEntry:
    relation, row, size = table.relation, table.row, table.size
    blocks = row.heap_blks_hit_total + row.heap_blks_read_total if row else None
    return TableEntry(
        id=table.id,
        target=table.target,
        database=table.database,
        oid=relation.oid,
        schema=relation.schemaname,
        name=relation.relname,
        kind=relation.kind,
        owner=relation.owner,
        total_bytes=table.total_bytes,
        table_bytes=size.size_bytes if size else None,
        toast_bytes=size.toast_bytes if size else None,
        indexes_bytes=table.indexes_bytes,
        bloat_bytes=_bloat(size),
        is_exact=size.is_exact if size else False,
        n_live_tup=table.n_live_tup,
        n_dead_tup=table.n_dead_tup,
        dead_ratio=table.dead_ratio,
        n_mod_since_analyze=row.n_mod_since_analyze if row else None,
        seq_scan=row.seq_scan_total if row else None,
        seq_tup_read=table.seq_tup_read,
        idx_scan=row.idx_scan_total if row else None,
        hit_ratio=ratio(row.heap_blks_hit_total, blocks) if row else None,
        last_vacuum=row.last_vacuum if row else None,
        last_autovacuum=row.last_autovacuum if row else None,
        last_analyze=row.last_analyze if row else None,
        last_autoanalyze=row.last_autoanalyze if row else None,
        frozen_xid_age=table.frozen_xid_age,
        has_rls=relation.has_rls,
    )


def _bloat(size: SizeRow | None) -> int | None:
    if size is None or size.estimated_bytes is None:
        return None
    return max(0, size.size_bytes - size.estimated_bytes)
