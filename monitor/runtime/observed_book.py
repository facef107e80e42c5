"""Keeps the running sums of what one target's statements did under policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.model.delta import difference
from monitor.model.rls_observed import AttributionQuality, Observations, Observed
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.snapshot import Reading
from monitor.model.view import View
from monitor.rls.observed import Place, accumulate, book, combined, unknown

PATIENCE = timedelta(minutes=15)
"""How long a statement waits for its text before it counts as unknown."""

_Key = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Waiting:
    row: StatementRow
    since: datetime


class ObservedBook:
    """Sums of increases since the daemon started; one caller at a time, any thread.

    Each increase counts once, however often, or seldom, the book is brought up to
    date. Nothing is added across a reset.
    """

    def __init__(self) -> None:
        self._last: Reading[StatementRow] | None = None
        self._sums: Mapping[Place, Observed] = {}
        self._waiting: dict[_Key, _Waiting] = {}
        self._quality = AttributionQuality()

    def update(self, view: View) -> Observations:
        """Take in what was read since the last call; return all sums.

        `window_seconds` is 0: the sums have no window.
        """
        fresh = self._increases(view)
        if fresh or self._waiting:
            rows = [*(each.row for each in self._waiting.values()), *fresh]
            booking = book(view, rows)
            self._sums = accumulate(self._sums, booking.observations.found)
            lost = self._put_off(booking.waiting, view.now)
            self._quality = combined(
                self._quality, booking.observations.quality, *map(unknown, lost)
            )
        return Observations(found=tuple(self._sums.values()), quality=self._quality)

    def _increases(self, view: View) -> tuple[StatementRow, ...]:
        reading = view.readings.get((StatementRow, ""))
        before, self._last = self._last, reading or self._last
        if before is None or reading is None or before is reading:
            return ()
        delta = difference(before, reading)
        return tuple(row for row in delta.rows if row.toplevel) if delta else ()

    def _put_off(
        self, rows: Iterable[StatementRow], now: datetime
    ) -> tuple[StatementRow, ...]:
        """Keep what cannot be known yet; return what has waited too long."""
        before, self._waiting = self._waiting, {}
        for row in rows:
            key = (row.userid, row.dbid, row.queryid)
            known, first = self._waiting.get(key), before.get(key)
            self._waiting[key] = _Waiting(
                row=_added(known.row, row) if known else row,
                since=first.since if first else now,
            )
        late = {k: w for k, w in self._waiting.items() if now - w.since > PATIENCE}
        for key in late:
            del self._waiting[key]
        return tuple(each.row for each in late.values())


def _added(row: StatementRow, more: StatementRow) -> StatementRow:
    return replace(
        row,
        calls_total=row.calls_total + more.calls_total,
        exec_time_seconds_total=row.exec_time_seconds_total
        + more.exec_time_seconds_total,
    )
