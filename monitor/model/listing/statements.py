"""Statements by what they cost lately. Source: pg_stat_statements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from monitor.model.listing import identity, ratio
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import View

ORDERS = (
    "exec_time_seconds",
    "mean_exec_time_seconds",
    "calls",
    "rows",
    "blks_read",
    "temp_blks_written",
    "wal_bytes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementEntry:
    """One statement of one role in one database.

    Figures cover `window_seconds`; None means since the statistics began, which
    is what there is before the first delta and after a reset. `queryid` is text:
    JSON readers lose digits of 64 bits. `text` is None where it is not shown,
    empty where it has not been read.
    """

    id: str
    target: str
    database: str
    role: str
    queryid: str
    toplevel: bool
    calls: int
    exec_time_seconds: float
    mean_exec_time_seconds: float | None
    time_share: float | None
    rows: int
    blks_hit: int
    blks_read: int
    hit_ratio: float | None
    temp_blks_written: int
    wal_bytes: int
    window_seconds: float | None
    text: str | None
    is_truncated: bool


class Statement(NamedTuple):
    """What a statement's entry is made from: cheap to rank, turned into it later."""

    view: View
    row: StatementRow
    window_seconds: float | None
    total_seconds: float
    has_text: bool

    @property
    def id(self) -> str:
        """Return the entry's id."""
        row = self.row
        return identity(self.target, row.dbid, row.userid, row.queryid, row.toplevel)

    @property
    def target(self) -> str:
        """Return the name of the target."""
        return self.view.target.name

    @property
    def database(self) -> str:
        """Return the database's name, its oid while that is unknown."""
        return self.view.databases.get(self.row.dbid, str(self.row.dbid))

    @property
    def exec_time_seconds(self) -> float:
        """Return the time spent executing in the window."""
        return self.row.exec_time_seconds_total

    @property
    def mean_exec_time_seconds(self) -> float | None:
        """Return the time a call took on average."""
        return ratio(self.row.exec_time_seconds_total, self.row.calls_total)

    @property
    def calls(self) -> int:
        """Return the calls in the window."""
        return self.row.calls_total

    @property
    def rows(self) -> int:
        """Return the rows returned or affected."""
        return self.row.rows_total

    @property
    def blks_read(self) -> int:
        """Return the blocks read from outside shared buffers."""
        return self.row.shared_blks_read_total

    @property
    def temp_blks_written(self) -> int:
        """Return the blocks written to temporary files."""
        return self.row.temp_blks_written_total

    @property
    def wal_bytes(self) -> int:
        """Return the bytes of WAL written."""
        return self.row.wal_bytes_total

    def entry(self) -> StatementEntry:
        """Return the row to show."""
        return _entry(self)


def statements(view: View, *, has_texts: bool) -> Iterator[Statement]:
    """Yield all statements that ran in the window, in no order."""
    delta = view.recent(StatementRow)
    window = delta.seconds if delta is not None else None
    rows = delta.rows if delta is not None else view.rows(StatementRow)
    total = sum(row.exec_time_seconds_total for row in rows)
    for row in rows:
        if row.calls_total:
            yield Statement(view, row, window, total, has_texts)


def _entry(statement: Statement) -> StatementEntry:
    view, row, has_text = statement.view, statement.row, statement.has_text
    blocks = row.shared_blks_hit_total + row.shared_blks_read_total
    known = view.texts.get(row.queryid) if has_text else None
    return StatementEntry(
        id=statement.id,
        target=statement.target,
        database=statement.database,
        role=view.roles.get(row.userid, str(row.userid)),
        queryid=str(row.queryid),
        toplevel=row.toplevel,
        calls=row.calls_total,
        exec_time_seconds=row.exec_time_seconds_total,
        mean_exec_time_seconds=statement.mean_exec_time_seconds,
        time_share=ratio(row.exec_time_seconds_total, statement.total_seconds),
        rows=row.rows_total,
        blks_hit=row.shared_blks_hit_total,
        blks_read=row.shared_blks_read_total,
        hit_ratio=ratio(row.shared_blks_hit_total, blocks),
        temp_blks_written=row.temp_blks_written_total,
        wal_bytes=row.wal_bytes_total,
        window_seconds=statement.window_seconds,
        text=(known.text if known else "") if has_text else None,
        is_truncated=known.truncated if known else False,
    )
