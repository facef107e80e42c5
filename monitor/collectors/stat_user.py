"""Statistics of tables and indexes, by oid and change token.

The server compares each object's token with the one we send and returns only
what moved: 9,000 tables at rest cost 6 ms there, the views 170 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from monitor.collectors import columns
from monitor.collectors.collector import Collected, Moment, Place
from monitor.collectors.columns import Layout
from monitor.collectors.objects import Objects
from monitor.collectors.query_collector import FileCollector
from monitor.model.catalog import Catalog
from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.snapshot import Column, Kind, Reading, Sheet
from monitor.postgres.queries import Library
from monitor.postgres.request import Reply, Request

R = TypeVar("R", TableRow, IndexRow)

_UNREAD = -1
"""A token no object has, so that the first answer brings every row."""


@dataclass(frozen=True, slots=True)
class _Subject(Generic[R]):
    row_class: type[R]
    rank: str
    labels: tuple[Column, ...]
    members: Callable[[Catalog], Iterable[int]]
    names: Callable[[Catalog, int], tuple[str, ...] | None]


def _table_names(catalog: Catalog, oid: int) -> tuple[str, ...] | None:
    relation = catalog.relations.get(oid)
    if relation is None:
        return None
    return catalog.datname, relation.schemaname, relation.relname


def _index_names(catalog: Catalog, oid: int) -> tuple[str, ...] | None:
    index = catalog.indexes.get(oid)
    if index is None:
        return None
    return catalog.datname, index.schemaname, index.relname, index.indexrelname


TABLE_LABELS = (
    Column("datname", Kind.LABEL, "Database."),
    Column("schemaname", Kind.LABEL, "Schema."),
    Column("relname", Kind.LABEL, "Table."),
)
INDEX_LABELS = (*TABLE_LABELS, Column("indexrelname", Kind.LABEL, "Index."))
_TABLES = _Subject(
    row_class=TableRow,
    rank="heap_blks_hit_total",
    labels=TABLE_LABELS,
    members=lambda catalog: catalog.relations,
    names=_table_names,
)
_INDEXES = _Subject(
    row_class=IndexRow,
    rank="idx_scan_total",
    labels=INDEX_LABELS,
    members=lambda catalog: catalog.indexes,
    names=_index_names,
)


def tables(
    place: Place, library: Library, objects: Objects
) -> TokenCollector[TableRow]:
    """Return the collector of `stat_user_tables`."""
    return TokenCollector(place, library, "stat_user_tables", _TABLES, objects)


def indexes(
    place: Place, library: Library, objects: Objects
) -> TokenCollector[IndexRow]:
    """Return the collector of `stat_user_indexes`."""
    return TokenCollector(place, library, "stat_user_indexes", _INDEXES, objects)


class TokenCollector(FileCollector, Generic[R]):
    """Keeps every row and replaces those whose token moved.

    Asks nothing before there is a catalog. A reading holds all rows; unchanged
    ones are the very objects of the reading before. A new object counts in full
    in the first delta that has it: up to a catalog interval of its life.
    """

    def __init__(
        self,
        place: Place,
        library: Library,
        name: str,
        subject: _Subject[R],
        objects: Objects,
    ) -> None:
        super().__init__(place, library, name)
        self._subject = subject
        self._objects = objects
        self._catalog: Catalog | None = None
        self._tokens: dict[int, int] = {}
        self._rows: dict[int, R] = {}
        self._reading: tuple[R, ...] = ()
        self._layout: Layout | None = None

    def requests(self) -> tuple[Request, ...]:
        """Return the query over all oids and their last tokens."""
        catalog = self._objects.catalog
        if catalog is None:
            return ()
        if catalog is not self._catalog:
            self._adopt(catalog)
        # As text: psycopg quotes lists element by element, 80 ms for 36,000.
        parameters = {
            "oids": _array(self._tokens),
            "tokens": _array(self._tokens.values()),
        }
        return (Request(name=self.name, sql=self.query.sql, parameters=parameters),)

    def _adopt(self, catalog: Catalog) -> None:
        known = self._tokens
        self._tokens = {
            oid: known.get(oid, _UNREAD) for oid in self._subject.members(catalog)
        }
        if len(self._rows.keys() - self._tokens.keys()):
            kept = {o: row for o, row in self._rows.items() if o in self._tokens}
            self._rows = kept
            self._reading = tuple(kept.values())
        self._catalog = catalog

    def read(self, replies: Sequence[Reply], moment: Moment) -> Collected:
        """Return the reading and the sheet, with what moved replaced."""
        (reply,) = replies
        for values in reply.rows:
            self._replace(dict(zip(reply.columns, cast("Any", values), strict=True)))
        if reply.rows:
            self._reading = tuple(self._rows.values())
        reading: Reading[Any] = Reading(
            collector=self.name,
            datname=self.datname,
            monotonic=moment.monotonic,
            epoch=moment.epoch,
            rows=self._reading,
        )
        return Collected(readings=(reading,), sheets=(self._sheet(reply),))

    def _replace(self, values: dict[str, Any]) -> None:
        oid = values["oid"]
        if oid not in self._tokens:
            return
        if values["token"] is None:  # dropped since the catalog was read
            self._rows.pop(oid, None)
            self._tokens[oid] = _UNREAD
            return
        row = self._subject.row_class(**values)
        if isinstance(row, TableRow) and _was_written(self._rows.get(oid), row):
            self._objects.written.add(oid)
        self._rows[oid] = row
        self._tokens[oid] = row.token

    def _sheet(self, reply: Reply) -> Sheet:
        layout = self._layout or columns.of_rows(reply, self.query.help)
        self._layout = layout
        labels, names = self._subject.labels, self._subject.names
        catalog = self._catalog or Catalog(datname=self.datname)
        nameless = ("",) * len(labels)

        def cells(row: object) -> tuple[object, ...]:
            found = names(catalog, cast("R", row).oid)
            return (*(found or nameless), *layout.cells(row))

        return Sheet(
            name=self.name,
            datname=self.datname,
            columns=(*labels, *layout.columns),
            rows=self._reading,
            cells=cells,
            labels_version=self._objects.names_version,
            row_class=self._subject.row_class,
            rank=self._subject.rank,
        )


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


def _was_written(before: object, row: TableRow) -> bool:
    if not isinstance(before, TableRow):
        return False
    return _writes(before) != _writes(row)


def _writes(row: TableRow) -> tuple[int, ...]:
    return (
        row.n_tup_ins_total,
        row.n_tup_upd_total,
        row.n_live_tup,
        row.vacuum_count_total,
        row.autovacuum_count_total,
    )
