"""Keeps the running sums of what one target's statements did under policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from monitor.model.delta import difference
from monitor.model.rls_observed import (
    AttributionQuality,
    HelperTime,
    Observations,
    Observed,
)
from monitor.model.rows.helper_functions import HelperFunctionRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.snapshot import R, Reading
from monitor.model.view import Key, View
from monitor.rls import helper_time
from monitor.rls.helper_time import HelperKey
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
        self._lasts: dict[Key, Reading[Any]] = {}
        self._sums: Mapping[Place, Observed] = {}
        self._helpers: Mapping[HelperKey, HelperTime] = {}
        self._waiting: dict[_Key, _Waiting] = {}
        self._quality = AttributionQuality()

    def update(self, view: View) -> Observations:
        """Take in what was read since the last call; return all sums.

        `window_seconds` is 0: the sums have no window.
        """
        fresh = self._increases(view, StatementRow)
        self._take_statements(view, [row for row in fresh if row.toplevel])
        self._take_helpers(helper_time.nested(view, fresh))
        for datname in view.catalogs:
            functions = self._increases(view, HelperFunctionRow, datname)
            self._take_helpers(helper_time.counted(datname, functions))
        return Observations(
            found=tuple(self._sums.values()),
            helpers=tuple(self._helpers.values()),
            quality=self._quality,
        )

    def _take_statements(self, view: View, fresh: Iterable[StatementRow]) -> None:
        rows = [*(each.row for each in self._waiting.values()), *fresh]
        if not rows:
            return
        booking = book(view, rows)
        self._sums = accumulate(self._sums, booking.observations.found)
        lost = self._put_off(booking.waiting, view.now)
        self._quality = combined(
            self._quality, booking.observations.quality, *map(unknown, lost)
        )

    def _take_helpers(self, found: Iterable[HelperTime]) -> None:
        self._helpers = helper_time.accumulate(self._helpers, found)

    def _increases(self, view: View, kind: type[R], datname: str = "") -> tuple[R, ...]:
        """Return what each row gained since the reading that was taken in last."""
        key: Key = kind, datname
        reading, before = view.readings.get(key), self._lasts.get(key)
        if reading is None or reading is before:
            return ()
        self._lasts[key] = reading
        delta = difference(before, reading) if before is not None else None
        return delta.rows if delta else ()

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
