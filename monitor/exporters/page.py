"""A page of metrics: families with their pieces, served in both formats.

Samples are the same bytes in text 0.0.4 and OpenMetrics 1.0, so both share their
pieces; only HELP, TYPE and the end differ.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from monitor.exporters.deflate import Piece, Press, join, member
from monitor.exporters.series import PER_PROCESS
from monitor.exporters.text import help_text
from monitor.model.snapshot import Kind
from monitor.model.state import Exposition

_COUNTER_SUFFIX = "_total"
_HISTOGRAM_SUFFIXES = ("", "_bucket", "_sum", "_count", "_created")


class Family:
    """All samples of one metric, as pieces that follow each other."""

    def __init__(
        self, name: str, kind: Kind, text: str, pieces: Sequence[Piece]
    ) -> None:
        """Take pieces of samples of the family `name`, whose HELP is `text`."""
        self.name = name
        self.kind = kind
        self.text = text
        self.pieces = tuple(pieces)
        self.series = sum(piece.series for piece in self.pieces)
        self._joined: Piece | None = None

    @property
    def samples(self) -> Piece:
        """Return all samples as one piece, joined once."""
        if self._joined is None:
            self._joined = join(self.pieces)
        return self._joined

    @property
    def claimed(self) -> frozenset[str]:
        """Return the names that no other family of a page may use.

        An OpenMetrics counter family is named without `_total` and owns its
        `_created` series, a histogram's series have suffixes. Untyped families are
        not in OpenMetrics at all.
        """
        if self.kind is Kind.UNTYPED:
            return frozenset({self.name})
        names = {self.name}
        if self.kind is Kind.COUNTER:
            base = self.name.removesuffix(_COUNTER_SUFFIX)
            names |= {base, f"{base}_created"}
        elif self.kind is Kind.HISTOGRAM:
            names |= {f"{self.name}{suffix}" for suffix in _HISTOGRAM_SUFFIXES}
        return frozenset({self.name, *(f"openmetrics {name}" for name in names)})

    def header(self, *, openmetrics: bool) -> Piece:
        """Return HELP and TYPE."""
        return _header(self.name, self.kind, self.text, openmetrics)


@lru_cache(maxsize=8192)
def _header(name: str, kind: Kind, text: str, openmetrics: bool) -> Piece:  # noqa: FBT001 (lru_cache wants positions)
    if openmetrics and kind is Kind.COUNTER:
        name = name.removesuffix(_COUNTER_SUFFIX)
    line = help_text(text, openmetrics=openmetrics)
    return Press().piece(f"# HELP {name} {line}\n# TYPE {name} {kind}\n", 0)


_END = Press().piece("# EOF\n", 0)


class Page:
    """Families ready to be served; implements `model.state.Exposition`.

    Bodies are made when first asked for and kept compressed; an uncompressed
    one is inflated for each reader, since it is ten to twenty times larger.
    """

    def __init__(self, families: Iterable[Family] = ()) -> None:
        """Take families of different names; those without samples are left out."""
        self.families = tuple(family for family in families if family.series)
        self._bodies: dict[bool, bytes] = {}

    @property
    def series(self) -> int:
        """Return how many series the page holds."""
        return sum(family.series for family in self.families)

    def body(self, *, openmetrics: bool, compressed: bool) -> bytes:
        """Return the response body; compressed is one gzip member."""
        body = self._bodies.get(openmetrics)
        if body is None:
            body = member(list(self._pieces(openmetrics=openmetrics)))
            self._bodies[openmetrics] = body
        return body if compressed else gzip.decompress(body)

    def _pieces(self, *, openmetrics: bool) -> Iterator[Piece]:
        for family in self.families:
            if openmetrics and family.kind is Kind.UNTYPED:
                continue
            yield family.header(openmetrics=openmetrics)
            yield family.samples
        if openmetrics:
            yield _END


class MergedPage(Page):
    """Several pages as one, grouped by family; `dropped` counts what did not fit."""

    def __init__(self, families: Iterable[Family], dropped: Mapping[str, int]) -> None:
        """Take grouped families and how many series of which are missing."""
        super().__init__(families)
        self.dropped = dropped


class Claims:
    """The names that families of one page have taken, in either format."""

    def __init__(self) -> None:
        """Start with all names free."""
        self._taken: set[str] = set()

    def take(self, family: Family) -> bool:
        """Note the names a family needs; return False if one is taken."""
        if not self._taken.isdisjoint(family.claimed):
            return False
        self._taken |= family.claimed
        return True


def merge(*expositions: Exposition, limit: int = PER_PROCESS) -> MergedPage:
    """Return one page with each family once, whatever targets it comes from.

    A family that a later page declares with another type, or under a name that
    OpenMetrics reserves for an earlier one, is left out there, and so is what
    would exceed `limit` series; both are counted.

    Raises:
        TypeError: an exposition is not made of families.
    """
    grouped: dict[str, list[Family]] = {}
    claims = Claims()
    dropped: dict[str, int] = {}
    for family in chain.from_iterable(map(_families, expositions)):
        group = grouped.get(family.name)
        fits = family.series <= limit
        if fits and (group[0].kind is family.kind if group else claims.take(family)):
            grouped.setdefault(family.name, []).append(family)
            limit -= family.series
        else:
            dropped[family.name] = dropped.get(family.name, 0) + family.series
    return MergedPage((_group(found) for found in grouped.values()), dropped)


def _families(exposition: Exposition) -> tuple[Family, ...]:
    if isinstance(exposition, Page):
        return exposition.families
    raise TypeError(f"cannot merge {type(exposition).__name__}")


def _group(found: Sequence[Family]) -> Family:
    first = found[0]
    if len(found) == 1:
        return first
    pieces = [family.samples for family in found]
    return Family(first.name, first.kind, first.text, pieces)
