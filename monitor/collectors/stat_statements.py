"""Statistics of statements, without their texts, and of the extension itself.

Names of roles and databases come along when an entry has an unknown one, and now
and then. Our own statements are entries like any other: those of our role's oid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, cast

from monitor.collectors import columns
from monitor.collectors.collector import Collected, Moment, Place
from monitor.collectors.columns import Layout
from monitor.collectors.objects import Statements
from monitor.collectors.query_collector import FileCollector, RowsCollector
from monitor.errors import TargetError
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.stat_statements_info import StatementsInfoRow
from monitor.model.snapshot import Column, Kind, Reading, Sheet
from monitor.postgres.queries import Library
from monitor.postgres.request import Reply, Request

_LABELS = (
    Column("queryid", Kind.LABEL, "Identifier of the statement."),
    Column("usename", Kind.LABEL, "Role that executed it."),
    Column("datname", Kind.LABEL, "Database it was executed in."),
    Column("toplevel", Kind.LABEL, "Whether a client sent it, not a function."),
)
_MOVES = ("calls_total", "exec_time_seconds_total", "plan_time_seconds_total")
_NAMES_EVERY = 20
"""Readings after which names are read again, in case one was changed."""

_Key = tuple[int, int, int, bool]


class StatementsCollector(FileCollector):
    """Reads every entry; one that did not move stays the same object.

    The epoch of the readings includes the extension's own reset, which leaves
    the server's statistics alone.
    """

    def __init__(self, place: Place, library: Library, statements: Statements) -> None:
        super().__init__(place, library, "stat_statements")
        self._info = RowsCollector(
            place, library, "stat_statements_info", StatementsInfoRow
        )
        self._roles_query = library.only("roles")
        self._databases_query = library.only("databases")
        self._statements = statements
        self._rows: dict[_Key, StatementRow] = {}
        self._roles: Mapping[int, str] = {}
        self._databases: Mapping[int, str] = {}
        self._bypassing: frozenset[int] = frozenset()
        self._names_version = 0
        self._readings = 0
        self._nameless: frozenset[tuple[int, int]] = frozenset()
        self._must_learn = True
        self._layout: Layout | None = None

    @property
    def skipped(self) -> str:
        """Return why statements cannot be read: the server's own reason first."""
        for capability in self.place.server.capabilities:
            if capability.name == "statements" and not capability.available:
                return "; ".join(filter(None, (capability.reason, capability.cure)))
        return super().skipped

    def requests(self) -> tuple[Request, ...]:
        """Return entries, the extension's own statistics, and names when needed."""
        entries = Request(name=self.name, sql=self.query.sql)
        wanted = (entries, *self._info.requests())
        if not self._must_learn and self._readings % _NAMES_EVERY:
            return wanted
        roles = Request(name="roles", sql=self._roles_query.sql)
        databases = Request(name="databases", sql=self._databases_query.sql)
        return (*wanted, roles, databases)

    def read(self, replies: Sequence[Reply], moment: Moment) -> Collected:
        """Return readings and sheets of both, and the names."""
        entries, info, *names = replies
        about = self._info.read((info,), moment)
        if names:
            self._learn(*names)
        self._readings += 1
        rows = self._update(entries)
        nameless = self._without_name(rows)
        # Names of what was dropped will not come: ask for newcomers only.
        self._must_learn = not names and not nameless <= self._nameless
        self._nameless = nameless
        self._statements.rows = rows
        reading: Reading[Any] = Reading(
            collector=self.name,
            datname="",
            monotonic=moment.monotonic,
            epoch=f"{moment.epoch}/{_reset(info)}",
            rows=rows,
        )
        return Collected(
            readings=(reading, *about.readings),
            sheets=(self._sheet(entries, rows), *about.sheets),
            roles=self._roles,
            bypassing=self._bypassing,
            databases=self._databases,
        )

    def _learn(self, roles: Reply, databases: Reply) -> None:
        self._bypassing = _bypassing(roles)
        found = _mapping(roles), _mapping(databases)
        if found != (self._roles, self._databases):
            self._roles, self._databases = found
            self._names_version += 1

    def _update(self, reply: Reply) -> tuple[StatementRow, ...]:
        """Make rows of what moved: an entry's counters move with these only."""
        names = reply.columns
        key_of = itemgetter(*map(names.index, StatementRow.KEY))
        moves = itemgetter(*map(names.index, _MOVES))
        moved = attrgetter(*_MOVES)
        before, now = self._rows, dict[_Key, StatementRow]()
        for values in cast("tuple[tuple[Any, ...], ...]", reply.rows):
            key = cast("_Key", key_of(values))
            row = before.get(key)
            if row is None or moved(row) != moves(values):
                row = StatementRow(**dict(zip(names, values, strict=True)))
            now[key] = row
        self._rows = now
        return tuple(now.values())

    def _without_name(self, rows: Sequence[StatementRow]) -> frozenset[tuple[int, int]]:
        owners = {(row.userid, row.dbid) for row in rows}
        roles, databases = self._roles, self._databases
        return frozenset(
            (userid, dbid)
            for userid, dbid in owners
            if userid not in roles or dbid not in databases
        )

    def _sheet(self, reply: Reply, rows: tuple[StatementRow, ...]) -> Sheet:
        layout = self._layout or columns.of_rows(reply, self.query.help)
        self._layout = layout
        roles, databases = self._roles, self._databases

        def cells(row: object) -> tuple[object, ...]:
            entry = cast("StatementRow", row)
            return (
                str(entry.queryid),
                roles.get(entry.userid, str(entry.userid)),
                databases.get(entry.dbid, str(entry.dbid)),
                "true" if entry.toplevel else "false",
                *layout.cells(row),
            )

        return Sheet(
            name=self.name,
            datname="",
            columns=(*_LABELS, *layout.columns),
            rows=rows,
            cells=cells,
            labels_version=self._names_version,
            row_class=StatementRow,
            rank="exec_time_seconds_total",
        )


def _mapping(reply: Reply) -> dict[int, str]:
    """Return names by oid: the first two columns."""
    rows = cast("tuple[tuple[Any, ...], ...]", reply.rows)
    return {oid: name for oid, name, *_ in rows}


def _bypassing(reply: Reply) -> frozenset[int]:
    """Return the roles that row level security does not bind."""
    rows = cast("tuple[tuple[int, str, bool], ...]", reply.rows)
    return frozenset(oid for oid, _, bypasses_rls in rows if bypasses_rls)


def _reset(info: Reply) -> str:
    match info.rows:
        case (StatementsInfoRow(reset_at=moment),):
            return moment.isoformat() if moment else ""
        case _:
            raise TargetError("could not read the statistics of pg_stat_statements")
