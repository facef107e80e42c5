"""Past readings of one collector in one database, and the deltas between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Generic

from monitor.model.delta import Delta, counters, difference, key_of
from monitor.model.snapshot import R, Reading
from monitor.model.view import Key

CHECKPOINTS = 5


class History(Generic[R]):
    """The last reading, the change since the one before, and the recent change.

    `recent` covers `span_seconds` once that much has been seen, less before. To
    know it without keeping every reading, about one reading a fifth of the span
    is kept; rows that did not change are shared between them.
    """

    def __init__(self, span_seconds: float) -> None:
        self._span = span_seconds
        self._checkpoints: deque[Reading[R]] = deque()
        self.current: Reading[R] | None = None
        self.change: Delta[R] | None = None
        self.compared: Compared[R] | None = None

    @property
    def recent(self) -> Delta[R] | None:
        """Return the change over the span; None without an earlier reading."""
        return self.compared.delta if self.compared else None

    def __len__(self) -> int:
        """Return how many past readings are kept to compare with."""
        return len(self._checkpoints)

    def add(self, reading: Reading[R]) -> None:
        """Take in the next reading."""
        if self.current is not None:
            reading = _sharing_rows(self.current, reading)
        previous, self.current = self.current, reading
        if not reading.rows or not counters(type(reading.rows[0])):
            self.change = self.compared = None
            return
        self.change = difference(previous, reading) if previous else None
        self._drop_useless(reading)
        self.compared = (
            Compared(self._checkpoints[0], reading) if self._checkpoints else None
        )
        self._keep(reading)

    def _drop_useless(self, reading: Reading[R]) -> None:
        kept = self._checkpoints
        while kept and kept[0].epoch != reading.epoch:
            kept.popleft()
        while len(kept) > 1 and reading.monotonic - kept[1].monotonic >= self._span:
            kept.popleft()

    def _keep(self, reading: Reading[R]) -> None:
        spacing = self._span / CHECKPOINTS
        newest = self._checkpoints[-1].monotonic if self._checkpoints else None
        if newest is None or reading.monotonic - newest >= spacing:
            self._checkpoints.append(reading)


def _sharing_rows(earlier: Reading[R], later: Reading[R]) -> Reading[R]:
    """Return `later` with the earlier row object wherever the row is equal.

    Equal rows then cost no memory in checkpoints and no rendering. Collectors
    that keep their rows share them already.
    """
    if not earlier.rows or not later.rows or later.rows is earlier.rows:
        return later
    same = set(map(id, earlier.rows)) & set(map(id, later.rows))
    if len(same) == len(later.rows):
        return later
    key = key_of(type(later.rows[0]))
    before = {key(row): row for row in earlier.rows if id(row) not in same}
    return replace(
        later,
        rows=tuple(
            [
                row if id(row) in same else _shared(before, key(row), row)
                for row in later.rows
            ]
        ),
    )


def _shared(before: dict[object, R], key: object, row: R) -> R:
    old = before.get(key)
    return old if old is not None and old == row else row


class Compared(Generic[R]):
    """Two readings whose difference is taken when somebody asks for it.

    Over a check interval most rows differ; few kinds are judged on that.
    """

    def __init__(self, earlier: Reading[R], later: Reading[R]) -> None:
        self._readings = (earlier, later)

    @cached_property
    def delta(self) -> Delta[R] | None:
        """Return the difference; None across a reset."""
        return difference(*self._readings)


class Recent(Mapping[Key, Delta[Any]]):
    """The changes over the check interval, each computed when first read."""

    def __init__(self, compared: Mapping[Key, Compared[Any]]) -> None:
        self._compared = compared

    def __getitem__(self, key: Key) -> Delta[Any]:
        delta = self._compared[key].delta
        if delta is None:
            raise KeyError(key)
        return delta

    def __contains__(self, key: object) -> bool:
        # Checkpoints are dropped at a reset: what is left can be compared.
        return key in self._compared

    def __iter__(self) -> Iterator[Key]:
        return iter(self._compared)

    def __len__(self) -> int:
        return len(self._compared)
