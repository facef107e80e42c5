"""Indexes with size, scans and how long we have watched them.

Source: the catalog cache, pg_stat_get_*, sizes, and our own usage windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

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


def indexes(view: View) -> Iterator[IndexEntry]:
    """Yield all indexes of all databases, in no order."""
    for datname, catalog in view.catalogs.items():
        rows = {row.oid: row for row in view.rows(IndexRow, datname)}
        sizes = {row.oid: row for row in view.rows(SizeRow, datname)}
        for oid, index in catalog.indexes.items():
            window = view.windows.get((datname, oid))
            place = (view.target.name, datname)
            yield _entry(place, index, rows.get(oid), sizes.get(oid), window)


def _entry(
    place: tuple[str, str],
    index: Index,
    row: IndexRow | None,
    size: SizeRow | None,
    window: UsageWindow | None,
) -> IndexEntry:
    return IndexEntry(
        id=identity(*place, index.schemaname, index.indexrelname),
        target=place[0],
        database=place[1],
        oid=index.oid,
        schema=index.schemaname,
        table=index.relname,
        name=index.indexrelname,
        method=index.method,
        definition=index.definition,
        constraint=index.constraint,
        size_bytes=size.size_bytes if size else None,
        idx_scan=row.idx_scan_total if row else None,
        idx_tup_read=row.idx_tup_read_total if row else None,
        last_idx_scan=row.last_idx_scan if row else None,
        window_scans=window.scans if window else None,
        window_since=window.since if window else None,
        is_unique=index.is_unique,
        is_primary=index.is_primary,
        is_valid=index.is_valid,
    )
