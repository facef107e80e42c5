"""Keeps rendered rows, so that only what changed is written and compressed again.

Rows are rendered column by column in chunks: one `%` over a template writes a
family's samples for a whole chunk, fifty times faster than sample by sample. A
chunk is looked at again only when one of its rows is another object than last
time, and a column of it is rendered only when a value in it moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress, count
from math import isfinite
from operator import is_, ne

from monitor.exporters.deflate import EMPTY, Piece, Press
from monitor.exporters.layout import Layout
from monitor.exporters.text import number

ROWS = 256

Cells = tuple[object, ...]
Read = Callable[[object], Cells]
_PLAIN = frozenset({int, float})


class Chunk:
    """Up to `ROWS` rows of one sheet: their cells, label texts and pieces.

    `lines` are the samples' texts after the name, in the rows' order, with `%s`
    for the value. Rows whose place is in `repeated` have the labels of another
    row and are left out: a page with a sample twice is refused as a whole.
    """

    def __init__(self, layout: Layout) -> None:
        self.lines: list[str] = []
        self.repeated: frozenset[int] = frozenset()
        self._layout = layout
        self._rows: Sequence[object] = ()
        self._cells: list[Cells] = []
        self._pieces: dict[int, Piece] = {}
        self._stale: set[int] = set()

    def take(self, rows: Sequence[object], read: Read, *, trusted: bool) -> bool:
        """Read the rows that are new; return whether a label changed.

        `trusted` says that an unchanged row still has the labels it had.
        """
        if len(rows) != len(self._rows):
            return self._start(rows, read)
        moved = list(map(is_, rows, self._rows)) if trusted else [False] * len(rows)
        places = [place for place, same in enumerate(moved) if not same]
        self._rows = rows
        changed: set[int] = set()
        for place in places:
            cells = read(rows[place])
            changed.update(compress(count(), map(ne, cells, self._cells[place])))
            self._cells[place] = cells
        self._stale |= changed
        return self._relabel(places) if self._has_label(changed) else False

    def _start(self, rows: Sequence[object], read: Read) -> bool:
        self._rows = rows
        self._cells = [read(row) for row in rows]
        self.lines = [self._layout.line(cells) for cells in self._cells]
        self._mark_all()
        return True

    def _has_label(self, changed: set[int]) -> bool:
        return any(place in changed for place, _ in self._layout.labels)

    def _relabel(self, places: Iterable[int]) -> bool:
        for place in places:
            self.lines[place] = self._layout.line(self._cells[place])
        self._mark_all()
        return True

    def _mark_all(self) -> None:
        self._stale.update(metric.place for metric in self._layout.metrics)

    def leave_out(self, repeated: frozenset[int]) -> None:
        """Say which rows have labels that another row has already."""
        if repeated != self.repeated:
            self.repeated = repeated
            self._mark_all()

    def pieces(self, press: Press) -> tuple[Piece, ...]:
        """Return one piece a metric, in the layout's order, empty without samples."""
        if self._stale:
            for metric in self._layout.metrics:
                if metric.place in self._stale:
                    self._pieces[metric.place] = self._render(
                        metric.family, metric.place, press
                    )
            self._stale.clear()
        return tuple(self._pieces[metric.place] for metric in self._layout.metrics)

    def _render(self, family: str, place: int, press: Press) -> Piece:
        values = [cells[place] for cells in self._cells]
        lines: Sequence[str] = self.lines
        if self.repeated or not _is_plain(values):
            texts = [number(value) for value in values]
            for repeated in self.repeated:
                texts[repeated] = None
            lines = [line for line, text in zip(lines, texts, strict=True) if text]
            values = [text for text in texts if text]
        if not values:
            return EMPTY
        return press.piece((family + family.join(lines)) % tuple(values), len(values))


def _is_plain(values: Sequence[object]) -> bool:
    """Say whether `str` of each value is what the formats want."""
    if not _PLAIN.issuperset(map(type, values)):
        return False
    try:
        return all(map(isfinite, values))  # pyright: ignore[reportArgumentType]
    except OverflowError:
        return False


class Sheaf:
    """All chunks of one part, refreshed from its rows."""

    def __init__(self, layout: Layout) -> None:
        self.chunks: list[Chunk] = []
        self.layout = layout
        self._rows: Sequence[object] = ()
        self._version: int | None = None

    def take(self, rows: Sequence[object], read: Read, version: int) -> bool:
        """Bring the chunks up to date; return whether any label changed."""
        trusted = version == self._version
        if trusted and rows is self._rows:
            return False
        self._rows, self._version = rows, version
        starts = range(0, len(rows), ROWS)
        fewer = len(starts) < len(self.chunks)
        del self.chunks[len(starts) :]
        self.chunks += [
            Chunk(self.layout) for _ in range(len(starts) - len(self.chunks))
        ]
        moved = [
            chunk.take(rows[start : start + ROWS], read, trusted=trusted)
            for chunk, start in zip(self.chunks, starts, strict=True)
        ]
        return fewer or any(moved)
