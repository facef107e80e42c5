"""Runs the catalog lints of one database: every file of `sql/lints`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from monitor.collectors.collector import Collected, Lane, Moment, Place
from monitor.model.rows.lints import LintRow
from monitor.model.snapshot import Reading
from monitor.postgres.queries import Library, Query
from monitor.postgres.request import Reply, Request

NAME = "lints"


class LintsCollector:
    """Reads all lints together: one reading, so that it is whole or missing."""

    def __init__(self, place: Place, library: Library) -> None:
        self._place = place
        chosen = (library.choose(name, place.server) for name in library.names)
        self._lints: tuple[Query, ...] = tuple(
            q for q in chosen if not library.reason_to_skip(q, place.server)
        )

    @property
    def name(self) -> str:
        """Return `lints`."""
        return NAME

    @property
    def lane(self) -> Lane:
        """Return the side lane: lints read much of the catalog."""
        return "side"

    @property
    def interval(self) -> timedelta:
        """Return the target's catalog interval."""
        return self._place.target.intervals.catalog

    @property
    def timeout(self) -> timedelta:
        """Return the longest of the lints' deadlines."""
        return max((q.timeout for q in self._lints), default=timedelta(seconds=5))

    @property
    def skipped(self) -> str:
        """Return why no lint runs here, empty if one does."""
        return "" if self._lints else "no lint fits this server"

    def requests(self) -> tuple[Request, ...]:
        """Return the lints' queries."""
        return tuple(self._request(query) for query in self._lints)

    def _request(self, query: Query) -> Request:
        known = self._place.target.rls.lint_parameters
        named = {name: known[name] for name in known if f"%({name})s" in query.sql}
        return Request(name=query.name, sql=query.sql, parameters=named or None)

    def read(self, replies: Sequence[Reply], moment: Moment) -> Collected:
        """Return one reading of everything the lints object to."""
        reading = Reading(
            collector=NAME,
            datname=self._place.datname,
            monotonic=moment.monotonic,
            epoch=moment.epoch,
            rows=tuple(row for reply in replies for row in _rows(reply)),
        )
        return Collected(readings=(reading,))


def _rows(reply: Reply) -> list[LintRow]:
    rows = cast("tuple[tuple[str, ...], ...]", reply.rows)
    return [
        LintRow(lint=reply.name, **dict(zip(reply.columns, row, strict=True)))
        for row in rows
    ]
