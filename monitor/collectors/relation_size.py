"""Sizes of tables and indexes, a batch at a time.

The largest come first, then those that were written to, then whatever has waited
longest. A relation that somebody locks is sized by `relpages` instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from monitor.collectors import columns
from monitor.collectors.collector import Collected, Moment, Place
from monitor.collectors.columns import Layout
from monitor.collectors.objects import Objects
from monitor.collectors.query_collector import FileCollector
from monitor.collectors.stat_user import INDEX_LABELS, TABLE_LABELS
from monitor.model.catalog import Catalog
from monitor.model.rows.relation_size import SizeRow
from monitor.model.snapshot import Reading, Sheet
from monitor.postgres.queries import Library
from monitor.postgres.request import Reply, Request

_BATCH = 150
_WRITTEN_FIRST = 75
_TRIES = 3
"""After so many failures in a row the function of statistics may be gone."""

_INDEX_FIELDS = ("size_bytes",)


class SizesCollector(FileCollector):
    """Keeps the last size of every relation and renews some of them each time.

    `is_complete` is False until every table has been sized once. Exported as
    `pg_table_…` and `pg_index_size_bytes`, the largest where a profile cuts.
    """

    def __init__(self, place: Place, library: Library, objects: Objects) -> None:
        super().__init__(place, library, "relation_size")
        self._objects = objects
        self._usable = library.only("planner_stats_usable")
        self._hidden = library.only("planner_stats")
        self._tries = 0
        self._catalog: Catalog | None = None
        self._waiting: dict[int, None] = {}
        self._rows: dict[int, SizeRow] = {}
        self._tables: Layout | None = None
        self._indexes: Layout | None = None

    def requests(self) -> tuple[Request, ...]:
        """Return the query over the next tables; none before there is a catalog."""
        catalog = self._objects.catalog
        if catalog is None:
            return ()
        if catalog is not self._catalog:
            self._adopt(catalog)
        batch = self._next()
        if not batch:
            return ()
        parameters = {"oids": batch}
        asked = [
            Request(name=self.name, sql=self.query.sql, parameters=parameters),
            Request(name=self._usable.name, sql=self._usable.sql),
        ]
        if self._tries > 0:
            asked.append(
                Request(
                    name=self._hidden.name, sql=self._hidden.sql, parameters=parameters
                )
            )
        self._tries -= 1
        return tuple(asked)

    def _adopt(self, catalog: Catalog) -> None:
        """Queue new tables by size, and forget what is gone."""
        tables = [r for r in catalog.relations.values() if r.kind != "p"]
        new = [relation for relation in tables if relation.oid not in self._waiting]
        new.sort(key=lambda relation: relation.relpages)
        present = {relation.oid for relation in tables}
        waiting = [oid for oid in self._waiting if oid in present]
        self._waiting = dict.fromkeys([*reversed([r.oid for r in new]), *waiting])
        self._rows = {
            oid: row
            for oid, row in self._rows.items()
            if oid in present or oid in catalog.indexes
        }
        self._catalog = catalog

    def _next(self) -> list[int]:
        """Take a batch from the queue and put it at the queue's end.

        It is moved whatever comes of it, so that one bad relation cannot keep
        the others from being sized.
        """
        known = self._waiting.keys() & self._rows.keys()
        written = [oid for oid in self._objects.written if oid in known]
        order = [*written[:_WRITTEN_FIRST], *self._waiting]
        batch = list(dict.fromkeys(order))[:_BATCH]
        for oid in batch:
            del self._waiting[oid]
            self._waiting[oid] = None
        self._objects.written.difference_update(batch)
        return batch

    def read(self, replies: Sequence[Reply], moment: Moment) -> Collected:
        """Return all sizes known so far."""
        reply, usable, *hidden = replies
        ((is_usable,),) = cast("tuple[tuple[bool], ...]", usable.rows)
        self._tries = _TRIES if is_usable else 0
        estimates = dict(
            pair
            for one in hidden
            for pair in cast("tuple[tuple[int, int | None], ...]", one.rows)
        )
        for values in cast("tuple[tuple[Any, ...], ...]", reply.rows):
            row = SizeRow(**dict(zip(reply.columns, values, strict=True)))
            if row.estimated_bytes is None and row.oid in estimates:
                row = replace(row, estimated_bytes=estimates[row.oid])
            if self._rows.get(row.oid) != row:
                self._rows[row.oid] = row
        catalog = self._catalog or Catalog(datname=self.datname)
        rows = tuple(self._rows.values())
        reading: Reading[Any] = Reading(
            collector=self.name,
            datname=self.datname,
            monotonic=moment.monotonic,
            epoch=moment.epoch,
            rows=rows,
            is_complete=all(oid in self._rows for oid in self._waiting),
        )
        sheets = (
            self._table_sheet(reply, catalog, rows),
            self._index_sheet(reply, catalog, rows),
        )
        return Collected(readings=(reading,), sheets=sheets)

    def _table_sheet(
        self, reply: Reply, catalog: Catalog, rows: Sequence[SizeRow]
    ) -> Sheet:
        layout = self._tables or columns.of_rows(reply, self.query.help)
        self._tables = layout

        def cells(row: object) -> tuple[object, ...]:
            relation = catalog.relations[cast("SizeRow", row).oid]
            names = catalog.datname, relation.schemaname, relation.relname
            return (*names, *layout.cells(row))

        return Sheet(
            name="table",
            datname=self.datname,
            columns=(*TABLE_LABELS, *layout.columns),
            rows=tuple([row for row in rows if row.oid in catalog.relations]),
            cells=cells,
            labels_version=self._objects.names_version,
            row_class=SizeRow,
            rank="total_bytes",
        )

    def _index_sheet(
        self, reply: Reply, catalog: Catalog, rows: Sequence[SizeRow]
    ) -> Sheet:
        layout = self._indexes or columns.of_rows(
            reply, {name: self.query.help[name] for name in _INDEX_FIELDS}
        )
        self._indexes = layout

        def cells(row: object) -> tuple[object, ...]:
            index = catalog.indexes[cast("SizeRow", row).oid]
            names = (
                catalog.datname,
                index.schemaname,
                index.relname,
                index.indexrelname,
            )
            return (*names, *layout.cells(row))

        return Sheet(
            name="index",
            datname=self.datname,
            columns=(*INDEX_LABELS, *layout.columns),
            rows=tuple([row for row in rows if row.oid in catalog.indexes]),
            cells=cells,
            labels_version=self._objects.names_version,
            row_class=SizeRow,
            rank="size_bytes",
        )
