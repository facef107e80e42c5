"""What dashboards are made of, whoever draws it: queries, tiles, rows, the grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import TypeAlias

Steps: TypeAlias = Mapping[float, str]
"""Colours by the value from which on they hold."""

COLUMNS = 24
"""Width of Grafana's grid."""


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and how its series are called in the legend.

    `is_limit` draws a dashed line that the others should stay below.
    """

    expr: str
    legend: str = "{{server}}"
    is_limit: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """A panel, as panels.py makes them, and its size on the grid."""

    panel: object
    width: int
    height: int


def wide(tiles: Iterable[Tile], *widths: int) -> list[Tile]:
    """Return tiles with these widths, over and over."""
    sized = zip(tiles, cycle(widths), strict=False)
    return [replace(tile, width=width) for tile, width in sized]


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under one heading; they fill its width from the left."""

    title: str
    tiles: Sequence[Tile]


@dataclass(frozen=True, slots=True)
class Variable:
    """A list to choose from; `values` is a PromQL label query.

    Several may be chosen unless `is_single`.
    """

    name: str
    label: str
    values: str
    all_value: str = ".+"
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A variable to type in."""

    name: str
    label: str
    default: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, its unit, and where a click on it leads.

    `names` are what to show for numbers, each with its colour; `steps` colour the
    figure from below. `width` is in pixels, 0 for a share of the rest.
    """

    name: str
    title: str
    link: str = ""
    unit: str = ""
    width: int = 0
    steps: Steps = field(default_factory=dict[float, str])
    names: Mapping[int, tuple[str, str]] = field(
        default_factory=dict[int, tuple[str, str]]
    )


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mark on every graph where the expression is above 0.

    With `is_moment` its value is the moment itself, in milliseconds.
    """

    name: str
    expr: str
    text: str
    color: str
    is_moment: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the grid something lies, and its number on the dashboard."""

    number: int
    x: int
    y: int
    width: int
    height: int


def place(sections: Sequence[Section]) -> Iterator[tuple[Section | Tile, Place]]:
    """Yield headings and tiles from left to right, from top to bottom."""
    number, y = 0, 0
    for section in sections:
        number += 1
        yield section, Place(number, 0, y, COLUMNS, 1)
        y, x, tallest = y + 1, 0, 0
        for tile in section.tiles:
            if x + tile.width > COLUMNS:
                y, x, tallest = y + tallest, 0, 0
            number += 1
            yield tile, Place(number, x, y, tile.width, tile.height)
            x, tallest = x + tile.width, max(tallest, tile.height)
        y += tallest
