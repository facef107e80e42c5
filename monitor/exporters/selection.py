"""Which rows of which sheets are exported, within a target's limits."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from monitor.exporters.ranking import GaugeRanking, Ranking, is_ranked, ranking
from monitor.exporters.series import (
    Part,
    SeriesLimits,
    fit,
    places_within,
    room_for_unranked,
    whole,
    width,
)
from monitor.model.delta import Delta
from monitor.model.snapshot import Sheet


class Selection:
    """Keeps the rankings of one target and applies its limits.

    `dropped` counts by sheet, and since the start, what each selection left out.
    """

    def __init__(self, limits: SeriesLimits) -> None:
        """Start without any row chosen."""
        self.dropped: Counter[str] = Counter()
        self._limits = limits
        self._places: int | None = None
        self._rankings: dict[str, tuple[type[Any] | None, Ranking]] = {}
        self._waiting: deque[Delta[Any]] = deque()
        self._gone: deque[str] = deque()

    def absorb(self, delta: Delta[Any]) -> None:
        """Note a delta; any thread may call this while another selects."""
        if self._limits.places is not None and delta.rows:
            self._waiting.append(delta)

    def forget(self, datname: str) -> None:
        """Note that a database is gone; from any thread, like `absorb`."""
        self._gone.append(datname)

    def parts(self, sheets: Sequence[Sheet]) -> tuple[Part, ...]:
        """Return the rows to render now."""
        limited = self._limits.places is not None
        ranked = [sheet for sheet in sheets if limited and is_ranked(sheet)]
        names = {sheet.name for sheet in ranked}
        plain = [sheet for sheet in sheets if sheet.name not in names]
        room = room_for_unranked(self._limits, has_ranked=bool(ranked))
        kept = fit([whole(sheet) for sheet in plain], self._limits, room)
        self._count(plain, kept)
        spare = self._limits.per_target - sum(len(p.rows) * p.width for p in kept)
        return (*kept, *self._chosen(ranked, spare))

    def _chosen(self, ranked: Sequence[Sheet], spare: int) -> tuple[Part, ...]:
        if self._limits.places is None or not ranked:
            return ()
        self._places = places_within(
            self._limits.places, ranked, spare, before=self._places
        )
        by_name: dict[str, list[Sheet]] = {}
        for sheet in ranked:
            by_name.setdefault(sheet.name, []).append(sheet)
        found = {name: self._ranking(same[0]) for name, same in by_name.items()}
        self._settle_accounts()
        chosen: list[Part] = []
        for name, same in by_name.items():
            parts = found[name].parts(same, self._places)
            self._count_unsummed(found[name], same, parts)
            chosen += parts
        fitting = fit(chosen, self._limits, spare)
        self._count_cut(chosen, fitting)
        return fitting

    def _ranking(self, sheet: Sheet) -> Ranking:
        row_class, found = self._rankings.get(sheet.name, (None, None))
        if found is None or row_class is not sheet.row_class:
            found = ranking(sheet, self._limits.places or 0)
            self._rankings[sheet.name] = (sheet.row_class, found)
        return found

    def _settle_accounts(self) -> None:
        """Hand the noted deltas to the rankings of their row class."""
        by_class: dict[type[Any], list[Delta[Any]]] = {}
        while self._waiting:
            delta = self._waiting.popleft()
            row_class = cast("type[Any]", type(delta.rows[0]))
            by_class.setdefault(row_class, []).append(delta)
        for row_class, found in self._rankings.values():
            if row_class in by_class:
                found.absorb(by_class[row_class])
        while self._gone:
            datname = self._gone.popleft()
            for _, found in self._rankings.values():
                found.forget(datname)

    def _count(self, sheets: Iterable[Sheet], parts: Iterable[Part]) -> None:
        """Count what of whole sheets is not among the parts."""
        missing = Counter[str]()
        for sheet in sheets:
            missing[sheet.name] += len(sheet.rows) * width(sheet)
        for part in parts:
            missing[part.sheet.name] -= len(part.rows) * part.width
        self.dropped.update(+missing)

    def _count_unsummed(
        self, found: Ranking, sheets: Sequence[Sheet], parts: Sequence[Part]
    ) -> None:
        """Count the gauges of rows without a place that no `other` holds."""
        if isinstance(found, GaugeRanking):
            lost = width(sheets[0]) - len(found.summed(sheets[0]))
            shown = sum(len(part.rows) for part in parts) - len(sheets)
            unseen = sum(len(sheet.rows) for sheet in sheets) - shown
            self.dropped[sheets[0].name] += unseen * lost

    def _count_cut(self, before: Iterable[Part], after: Iterable[Part]) -> None:
        for full, part in zip(before, after, strict=True):
            if lost := (len(full.rows) - len(part.rows)) * part.width:
                self.dropped[part.sheet.name] += lost


def by_sheet(parts: Iterable[Part]) -> Mapping[str, Sequence[Part]]:
    """Return the parts by their sheet's name, in order of first appearance."""
    grouped: dict[str, list[Part]] = {}
    for part in parts:
        grouped.setdefault(part.sheet.name, []).append(part)
    return grouped
