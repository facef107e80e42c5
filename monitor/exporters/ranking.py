"""The rows of one ranked kind that have series, with the counters they show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import repeat
from operator import attrgetter
from typing import Any, cast

from monitor.exporters.ledger import Amount, Amounts, Ledger, choose
from monitor.exporters.series import Part
from monitor.model.delta import Delta, counters, key_of
from monitor.model.snapshot import Kind, Row, Sheet

_Key = tuple[str, object]
"""Database and the row's own key."""

_OTHER = "other"
_LOOKED_AT = 100


class CounterRanking:
    """Rows ranked by what a counter did lately; the rest adds up in `other`.

    Source of the counters is the ledger, not the row: see `exporters/ledger`.
    """

    def __init__(self, row_class: type[Any], rank: str, places: int) -> None:
        self._names = counters(row_class)
        self._amounts = attrgetter(*self._names)
        self._key = key_of(row_class)
        self._ledger: Ledger[_Key] = Ledger(
            len(self._names), rank=self._names.index(rank), places=places
        )
        self._shown: dict[_Key, tuple[object, tuple[Amount, ...], object]] = {}

    def absorb(self, deltas: Sequence[Delta[Any]]) -> None:
        """Add increases; each delta must come exactly once."""
        for delta in deltas:
            keys = zip(repeat(delta.datname), map(self._key, delta.rows), strict=False)
            amounts = map(self._amounts_of, delta.rows)
            self._ledger.absorb(delta.datname, zip(keys, amounts, strict=True))
        self._ledger.age(max((delta.seconds for delta in deltas), default=0.0))

    def forget(self, datname: str) -> None:
        """Forget a database that is gone."""
        self._ledger.forget(datname)

    def _amounts_of(self, row: Row) -> Amounts:
        found = self._amounts(row)
        # attrgetter with a single name returns the bare value.
        return cast("Amounts", found if len(self._names) > 1 else (found,))

    def parts(self, sheets: Sequence[Sheet], places: int) -> list[Part]:
        """Return the chosen rows of each sheet, and its `other`."""
        present = _by_key(sheets, self._key)
        self._ledger.places = places
        self._ledger.settle(present)
        self._shown = {
            key: self._with_sums(key, present[key], sums)
            for key, sums in self._ledger.members.items()
        }
        return [part for sheet in sheets for part in self._of_sheet(sheet)]

    def _with_sums(
        self, key: _Key, row: object, sums: tuple[Amount, ...]
    ) -> tuple[object, tuple[Amount, ...], object]:
        """Return the row as it is shown; the same object while nothing moved."""
        before = self._shown.get(key)
        if before is not None and before[0] is row and before[1] == sums:
            return before
        known = {
            name: amount
            for name, amount in zip(self._names, sums, strict=True)
            if getattr(row, name) is not None
        }
        return row, sums, replace(cast("Any", row), **known)

    def _of_sheet(self, sheet: Sheet) -> tuple[Part, Part]:
        rows = [s[2] for (group, _), s in self._shown.items() if group == sheet.datname]
        other = self._other(sheet)
        return (
            Part(sheet=sheet, rows=rows, cells=sheet.cells),
            Part(sheet=sheet, rows=(other,), cells=_as_is, slot=_OTHER),
        )

    def _other(self, sheet: Sheet) -> tuple[object, ...]:
        sums = self._ledger.others.get(sheet.datname) or [None] * len(self._names)
        amounts = dict(zip(self._names, sums, strict=True))
        for name in self._names:
            # Starting at 0 lets Prometheus see the first increase.
            if amounts[name] is None and _is_known(sheet.rows[:_LOOKED_AT], name):
                amounts[name] = 0
        return _other_cells(sheet, amounts)


class GaugeRanking:
    """Rows ranked by a gauge; `other` holds what adds up, which is bytes."""

    def __init__(self, row_class: type[Any], rank: str) -> None:
        self._key = key_of(row_class)
        self._value = attrgetter(rank)
        self._fields = frozenset(field.name for field in fields(row_class))
        self._members: tuple[_Key, ...] = ()

    def absorb(self, deltas: Sequence[Delta[Any]]) -> None:
        """Do nothing: a gauge is its own account."""

    def forget(self, datname: str) -> None:
        """Do nothing: there is nothing to forget."""

    def parts(self, sheets: Sequence[Sheet], places: int) -> list[Part]:
        """Return the chosen rows of each sheet, and its `other`."""
        present = _by_key(sheets, self._key)
        scores = {key: float(self._value(row) or 0) for key, row in present.items()}
        self._members = choose(self._members, scores, places)
        return [part for sheet in sheets for part in self._of_sheet(sheet, present)]

    def _of_sheet(
        self, sheet: Sheet, present: Mapping[_Key, object]
    ) -> tuple[Part, Part]:
        chosen = [key for key in self._members if key[0] == sheet.datname]
        rows = [present[key] for key in chosen]
        keys = {key for _, key in chosen}
        rest = [row for row in sheet.rows if self._key(row) not in keys]
        return (
            Part(sheet=sheet, rows=rows, cells=sheet.cells),
            Part(
                sheet=sheet, rows=(self._other(sheet, rest),), cells=_as_is, slot=_OTHER
            ),
        )

    def _other(self, sheet: Sheet, rest: Sequence[object]) -> tuple[object, ...]:
        sums = {
            name: sum(getattr(row, name) or 0 for row in rest)
            for name in self.summed(sheet)
        }
        return _other_cells(sheet, sums)

    def summed(self, sheet: Sheet) -> list[str]:
        """Return the columns that `other` has."""
        names = (c.name for c in sheet.columns if c.kind is Kind.GAUGE)
        return [n for n in names if n.endswith("_bytes") and n in self._fields]


Ranking = CounterRanking | GaugeRanking


def ranking(sheet: Sheet, places: int) -> Ranking:
    """Return the ranking that a sheet with `rank` and `row_class` asks for."""
    row_class = cast("type[Any]", sheet.row_class)
    if sheet.rank in counters(row_class):
        return CounterRanking(row_class, sheet.rank, places)
    return GaugeRanking(row_class, sheet.rank)


def is_ranked(sheet: Sheet) -> bool:
    """Say whether a profile may keep only the top rows of a sheet."""
    return bool(sheet.rank) and sheet.row_class is not None


def _by_key(
    sheets: Sequence[Sheet], key: Callable[[object], object]
) -> Mapping[_Key, object]:
    found: dict[_Key, object] = {}
    for sheet in sheets:
        keys = zip(repeat(sheet.datname), map(key, sheet.rows), strict=False)
        found.update(zip(keys, sheet.rows, strict=True))
    return found


def _other_cells(
    sheet: Sheet, amounts: Mapping[str, Amount | None]
) -> tuple[object, ...]:
    labels = {"datname": sheet.datname or _OTHER}
    return tuple(
        labels.get(column.name, _OTHER)
        if column.kind is Kind.LABEL
        else amounts.get(column.name)
        for column in sheet.columns
    )


def _is_known(rows: Sequence[object], counter: str) -> bool:
    return any(getattr(row, counter) is not None for row in rows)


def _as_is(row: object) -> tuple[object, ...]:
    return cast("tuple[object, ...]", row)
