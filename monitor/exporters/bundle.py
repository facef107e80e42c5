"""All that one query exports: its parts in every database, as families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from monitor.exporters.chunks import Sheaf
from monitor.exporters.deflate import Piece, Press
from monitor.exporters.layout import Metric, layout
from monitor.exporters.page import Family
from monitor.exporters.series import Part
from monitor.model.snapshot import Column
from monitor.model.target import Target

_Key = tuple[str, str]
"""Database and slot."""


class Bundle:
    """Keeps the rendered parts of one query between renderings.

    `repeated` is how many series the last rendering left out because another
    row had the same labels.
    """

    def __init__(self, target: Target) -> None:
        """Serve one query of one target."""
        self.repeated = 0
        self._target = target
        self._sheaves: dict[_Key, tuple[tuple[Column, ...], Sheaf]] = {}
        self._families: dict[str, Family] = {}

    def families(self, parts: Sequence[Part], press: Press) -> tuple[Family, ...]:
        """Return the families of these parts; what is not given is forgotten."""
        before = self._sheaves
        self._sheaves = {_key(part): self._sheaf(part) for part in parts}
        moved = self._sheaves.keys() != before.keys()
        sheaves = [sheaf for _, sheaf in self._sheaves.values()]
        for part, sheaf in zip(parts, sheaves, strict=True):
            version = part.sheet.labels_version
            moved |= sheaf.take(part.rows, part.cells, version)
        if moved:
            self.repeated = _leave_out_repeated(sheaves)
        found = _pieces(sheaves, press)
        self._families = {m.family: self._family(m, p) for m, p in found.values()}
        return tuple(self._families.values())

    def _sheaf(self, part: Part) -> tuple[tuple[Column, ...], Sheaf]:
        columns, sheaf = self._sheaves.get(_key(part), ((), None))
        if sheaf is None or columns != part.sheet.columns:
            sheaf = Sheaf(layout(part.sheet, self._target))
        return part.sheet.columns, sheaf

    def _family(self, metric: Metric, pieces: Sequence[Piece]) -> Family:
        """Return the family as it was, with all it has computed, if nothing moved."""
        before = self._families.get(metric.family)
        if before is not None and before.pieces == tuple(pieces):
            return before
        return Family(metric.family, metric.kind, metric.help, pieces)


def _key(part: Part) -> _Key:
    return part.sheet.datname, part.slot


def _leave_out_repeated(sheaves: Sequence[Sheaf]) -> int:
    """Let only the first of rows with equal labels be rendered; return the loss."""
    chunks = [(sheaf, chunk) for sheaf in sheaves for chunk in sheaf.chunks]
    lines = [chunk.lines for _, chunk in chunks]
    if len(set(chain.from_iterable(lines))) == sum(map(len, lines)):
        for _, chunk in chunks:
            chunk.leave_out(frozenset())
        return 0
    seen: set[str] = set()
    lost = 0
    for sheaf, chunk in chunks:
        repeated: set[int] = set()
        for place, line in enumerate(chunk.lines):
            if line in seen:
                repeated.add(place)
            seen.add(line)
        chunk.leave_out(frozenset(repeated))
        lost += len(repeated) * len(sheaf.layout.metrics)
    return lost


def _pieces(
    sheaves: Sequence[Sheaf], press: Press
) -> Mapping[str, tuple[Metric, list[Piece]]]:
    found: dict[str, tuple[Metric, list[Piece]]] = {}
    for sheaf in sheaves:
        own = {
            metric.family: place for place, metric in enumerate(sheaf.layout.metrics)
        }
        rendered = [chunk.pieces(press) for chunk in sheaf.chunks]
        for family, place in own.items():
            metric = sheaf.layout.metrics[place]
            pieces = found.setdefault(family, (metric, []))[1]
            pieces += [chunk[place] for chunk in rendered if chunk[place].length]
    return found
