"""Statements by what they cost lately. Source: pg_stat_statements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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


def statements(view: View, *, has_texts: bool) -> tuple[StatementEntry, ...]:
    """Return all statements that ran in the window, the costliest first."""
    delta = view.recent(StatementRow)
    window = delta.seconds if delta is not None else None
    rows = delta.rows if delta is not None else view.rows(StatementRow)
    total = sum(row.exec_time_seconds_total for row in rows)
    entries = (
        _entry(view, row, window, total, has_texts=has_texts)
        for row in rows
        if row.calls_total
    )
    return tuple(sorted(entries, key=lambda e: (-e.exec_time_seconds, e.id)))


def all_statements(views: Iterable[View], *, has_texts: bool) -> list[StatementEntry]:
    """Return the statements of several targets, the costliest first."""
    found = (s for view in views for s in statements(view, has_texts=has_texts))
    return sorted(found, key=lambda e: (-e.exec_time_seconds, e.id))


def _entry(
    view: View,
    row: StatementRow,
    window: float | None,
    total: float,
    *,
    has_texts: bool,
) -> StatementEntry:
    target = view.target.name
    blocks = row.shared_blks_hit_total + row.shared_blks_read_total
    known = view.texts.get(row.queryid) if has_texts else None
    return StatementEntry(
        id=identity(target, row.dbid, row.userid, row.queryid, row.toplevel),
        target=target,
        database=view.databases.get(row.dbid, str(row.dbid)),
        role=view.roles.get(row.userid, str(row.userid)),
        queryid=str(row.queryid),
        toplevel=row.toplevel,
        calls=row.calls_total,
        exec_time_seconds=row.exec_time_seconds_total,
        mean_exec_time_seconds=ratio(row.exec_time_seconds_total, row.calls_total),
        time_share=ratio(row.exec_time_seconds_total, total),
        rows=row.rows_total,
        blks_hit=row.shared_blks_hit_total,
        blks_read=row.shared_blks_read_total,
        hit_ratio=ratio(row.shared_blks_hit_total, blocks),
        temp_blks_written=row.temp_blks_written_total,
        wal_bytes=row.wal_bytes_total,
        window_seconds=window,
        text=(known.text if known else "") if has_texts else None,
        is_truncated=known.truncated if known else False,
    )
