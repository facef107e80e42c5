"""The ordinary collectors: one query file each, typed rows or a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any, cast

from monitor.collectors import columns
from monitor.collectors.collector import Collected, Lane, Moment, Place
from monitor.collectors.columns import Layout
from monitor.model.snapshot import Reading, Row, Sheet
from monitor.postgres.queries import Library, Query
from monitor.postgres.request import Reply, Request


class FileCollector:
    """What all collectors share that rest on a query file: when, where, whether."""

    def __init__(self, place: Place, library: Library, name: str) -> None:
        self.place = place
        self.query: Query = library.choose(name, place.server)
        self._skipped = library.reason_to_skip(self.query, place.server)

    @property
    def name(self) -> str:
        """Return the query's name."""
        return self.query.name

    @property
    def lane(self) -> Lane:
        """Return the lane that the file asks for."""
        return self.query.lane

    @property
    def interval(self) -> timedelta:
        """Return the target's interval where the file names one, else its own."""
        cadence = self.query.cadence
        if not cadence:
            return self.query.interval
        return cast("timedelta", getattr(self.place.target.intervals, cadence))

    @property
    def timeout(self) -> timedelta:
        """Return the file's deadline."""
        return self.query.timeout

    @property
    def skipped(self) -> str:
        """Return why the query cannot run here, empty if it can."""
        return self._skipped

    @property
    def datname(self) -> str:
        """Return the database that readings are of, empty for the whole server."""
        return self.place.datname if self.query.scope == "database" else ""


class RowsCollector(FileCollector):
    """Reads `sql/stats/NAME.sql` into the row class of the same name.

    The described columns are exported; rows that share their labels are
    exported once.
    """

    def __init__(
        self, place: Place, library: Library, name: str, row_class: type[Row]
    ) -> None:
        super().__init__(place, library, name)
        self._row_class = row_class
        self._layout: Layout | None = None
        self._tuples = tuple(
            f.name
            for f in fields(cast("Any", row_class))
            if str(f.type).startswith("tuple[")
        )

    def requests(self) -> tuple[Request, ...]:
        """Return the query, with what it asks for of the target's settings."""
        known, sql = self.place.target.rls.lint_parameters, self.query.sql
        named = {name: known[name] for name in known if f"%({name})s" in sql}
        return (
            Request(
                name=self.name, sql=sql, parameters=named or None, row=self._row_class
            ),
        )

    def read(self, replies: Sequence[Reply], moment: Moment) -> Collected:
        """Return a reading, and a sheet if any column is described."""
        (reply,) = replies
        rows = tuple(self._tidy(row) for row in reply.rows)
        reading: Reading[Any] = Reading(
            collector=self.name,
            datname=self.datname,
            monotonic=moment.monotonic,
            epoch=moment.epoch,
            rows=rows,
        )
        return Collected(readings=(reading,), sheets=self._sheets(reply, rows))

    def _tidy(self, row: object) -> Row:
        """Turn the lists that arrays arrive as into tuples."""
        if self._tuples:
            values = {name: tuple(getattr(row, name)) for name in self._tuples}
            row = replace(cast("Any", row), **values)
        return cast("Row", row)

    def _sheets(self, reply: Reply, rows: Sequence[Row]) -> tuple[Sheet, ...]:
        if not self.query.help:
            return ()
        layout = self._layout or columns.of_rows(reply, self.query.help)
        self._layout = layout
        return (
            Sheet(
                name=self.name,
                datname=self.datname,
                columns=layout.columns,
                rows=columns.distinct(layout, rows),
                cells=layout.cells,
                row_class=self._row_class,
                max_series=self.query.max_series,
            ),
        )


class MetricCollector(FileCollector):
    """Exports a metric file: every column of every row, no row class."""

    def requests(self) -> tuple[Request, ...]:
        """Return the query."""
        return (Request(name=self.name, sql=self.query.sql),)

    def read(self, replies: Sequence[Reply], moment: Moment) -> Collected:
        """Return the sheet.

        Raises:
            TargetError: a column cannot be exported.
        """
        del moment
        (reply,) = replies
        layout = columns.of_tuples(reply, self.query.help)
        sheet = Sheet(
            name=self.name,
            datname=self.datname,
            columns=layout.columns,
            rows=columns.distinct(layout, reply.rows),
            cells=layout.cells,
            max_series=self.query.max_series,
        )
        return Collected(sheets=(sheet,))
