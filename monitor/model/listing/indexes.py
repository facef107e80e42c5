"""Indexes with size, scans and how long we have watched them.

Source: the catalog cache, pg_stat_get_*, sizes, and our own usage windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from monitor.model.catalog import Index
from monitor.model.listing import identity
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.view import View
from monitor.model.window import UsageWindow

ORDERS = ("size_bytes", "idx_scan", "window_scans", "idx_tup_read")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """One index; None is what has not been read.

    `idx_scan` is since the statistics began; `window_scans` were counted by us
    since `window_since`, which no reset falsifies.
    """

    id: str
    target: str
    database: str
    oid: int
    schema: str
    table: str
    name: str
    method: str
    definition: str
    constraint: str
    size_bytes: int | None
    idx_scan: int | None
    idx_tup_read: int | None
    last_idx_scan: datetime | None
    window_scans: int | None
    window_since: datetime | None
    is_unique: bool
    is_primary: bool
    is_valid: bool


class ListedIndex(NamedTuple):
    """What an index's entry is made from: cheap to rank, turned into it when shown."""

    target: str
    database: str
    facts: Index
    row: IndexRow | None
    size: SizeRow | None
    window: UsageWindow | None

    @property
    def id(self) -> str:
        """Return the entry's id."""
        index = self.facts
        return identity(
            self.target, self.database, index.schemaname, index.indexrelname
        )

    @property
    def size_bytes(self) -> int | None:
        """Return the size of the main fork."""
        return self.size.size_bytes if self.size else None

    @property
    def idx_scan(self) -> int | None:
        """Return the scans since the statistics began."""
        return self.row.idx_scan_total if self.row else None

    @property
    def idx_tup_read(self) -> int | None:
        """Return the index entries returned by scans."""
        return self.row.idx_tup_read_total if self.row else None

    @property
    def window_scans(self) -> int | None:
        """Return the scans that we have counted."""
        return self.window.scans if self.window else None

    def entry(self) -> IndexEntry:
        """Return the row to show."""
        return _entry(self)


def indexes(view: View) -> Iterator[ListedIndex]:
    """Yield all indexes of all databases, in no order."""
    for datname, catalog in view.catalogs.items():
        rows = {row.oid: row for row in view.rows(IndexRow, datname)}
        sizes = {row.oid: row for row in view.rows(SizeRow, datname)}
        target, windows = view.target.name, view.windows
        for oid, index in catalog.indexes.items():
            yield ListedIndex(
                target,
                datname,
                index,
                rows.get(oid),
                sizes.get(oid),
                windows.get((datname, oid)),
            )


def _entry(listed: ListedIndex) -> IndexEntry:
    index, window = listed.facts, listed.window
    return IndexEntry(
        id=listed.id,
        target=listed.target,
        database=listed.database,
        oid=index.oid,
        schema=index.schemaname,
        table=index.relname,
        name=index.indexrelname,
        method=index.method,
        definition=index.definition,
        constraint=index.constraint,
        size_bytes=listed.size_bytes,
        idx_scan=listed.idx_scan,
        idx_tup_read=listed.idx_tup_read,
        last_idx_scan=listed.row.last_idx_scan if listed.row else None,
        window_scans=listed.window_scans,
        window_since=window.since if window else None,
        is_unique=index.is_unique,
        is_primary=index.is_primary,
        is_valid=index.is_valid,
    )
