"""How many series a target may have, and how the room is shared.

Nothing disappears silently: rows of a ranked sheet that get no series are summed
up as `other`, and whatever a hard cap cuts off is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from monitor.model.snapshot import Kind, Sheet
from monitor.model.target import Profile

PER_PROCESS = 2_000_000
"""Series that one page may hold over all targets."""

_STEP = 10
_UNRANKED_SHARE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesLimits:
    """Rows that get series of their own, and hard caps in series.

    `places` holds for tables, indexes and statements alike; None exports all
    rows with the server's own counters.
    """

    places: int | None
    per_family: int
    per_target: int


LIMITS: Mapping[Profile, SeriesLimits] = MappingProxyType(
    {
        "minimal": SeriesLimits(places=10, per_family=200, per_target=1_000),
        "standard": SeriesLimits(places=100, per_family=1_000, per_target=5_000),
        "everything": SeriesLimits(
            places=None, per_family=100_000, per_target=1_000_000
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows of one sheet that are rendered together, and how to read them.

    `slot` tells a sheet's rows from its `other`, which have caches of their own.
    """

    sheet: Sheet
    rows: Sequence[object]
    cells: Callable[[object], tuple[object, ...]]
    slot: str = "rows"

    @property
    def width(self) -> int:
        """Return how many series one row may have."""
        return width(self.sheet)


def width(sheet: Sheet) -> int:
    """Return how many of a sheet's columns are metrics."""
    return sum(column.kind is not Kind.LABEL for column in sheet.columns)


def whole(sheet: Sheet) -> Part:
    """Return all rows of a sheet, up to its own limit."""
    rows = sheet.rows
    if sheet.max_series is not None and not sheet.rank:
        rows = rows[: sheet.max_series // max(1, width(sheet))]
    return Part(sheet=sheet, rows=rows, cells=sheet.cells)


def places_within(
    limit: int, ranked: Sequence[Sheet], room: int, *, before: int | None
) -> int:
    """Return how many rows of each ranked kind fit into `room` series.

    Moves in steps and grows only with some room to spare, so that a few series
    more or less elsewhere do not make rows come and go.
    """
    kinds = {sheet.name: width(sheet) for sheet in ranked}
    others = sum(width(sheet) for sheet in ranked)
    fitting = max(0, room - others) // max(1, sum(kinds.values()))
    if fitting >= limit:
        return limit
    steady = fitting - fitting % _STEP
    if before is not None and before <= fitting < before + 2 * _STEP:
        return before
    return steady


def room_for_unranked(limits: SeriesLimits, *, has_ranked: bool) -> int:
    """Return how many series the sheets without a rank may use."""
    share = _UNRANKED_SHARE if has_ranked and limits.places is not None else 1.0
    return int(limits.per_target * share)


def fit(parts: Sequence[Part], limits: SeriesLimits, room: int) -> tuple[Part, ...]:
    """Return the parts without the rows that exceed a cap.

    Small parts are served first and large ones share what is left, so that one
    sheet never takes the room of all others. Order is kept.
    """
    bounded = _within_families(parts, limits.per_family)
    by_size = sorted(range(len(bounded)), key=lambda i: _series(bounded[i]))
    for waiting, i in zip(range(len(bounded), 0, -1), by_size, strict=True):
        part = bounded[i]
        rows = min(len(part.rows), room // waiting // max(1, part.width))
        bounded[i] = _cut(part, rows)
        room -= rows * part.width
    return tuple(bounded)


def _within_families(parts: Sequence[Part], per_family: int) -> list[Part]:
    left: dict[str, int] = {}
    bounded: list[Part] = []
    for part in parts:
        rows = min(len(part.rows), left.get(part.sheet.name, per_family))
        left[part.sheet.name] = left.get(part.sheet.name, per_family) - rows
        bounded.append(_cut(part, rows))
    return bounded


def _cut(part: Part, rows: int) -> Part:
    # The same tuple tells the renderer that nothing changed.
    return part if rows >= len(part.rows) else replace(part, rows=part.rows[:rows])


def _series(part: Part) -> int:
    return len(part.rows) * part.width
