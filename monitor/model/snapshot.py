"""What one collector saw at one moment, and the sheet that is exported of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Generic, Protocol, TypeVar, runtime_checkable


@runtime_checkable
class Row(Protocol):
    """A frozen dataclass, one instance per row of a `sql/stats` query.

    Fields are named as the query's columns. Those that end in `_total` are
    counters. `KEY` names the fields that identify the row across readings.
    """

    KEY: ClassVar[tuple[str, ...]]


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[R]):
    """All rows of one collector, read at once.

    `datname` is empty for what holds for the whole server. `monotonic` counts
    seconds on our own clock. `epoch` changes whenever counters may have been
    reset (statistics reset, crash, restart, failover): deltas never cross it.
    `is_complete` is False where a cap cut rows off, so that a row that appears
    later need not be new.
    """

    collector: str
    datname: str
    monotonic: float
    epoch: str
    rows: tuple[R, ...]
    is_complete: bool = True


class Kind(StrEnum):
    """How a column is exported; a histogram is a family but never a column."""

    LABEL = "label"
    GAUGE = "gauge"
    COUNTER = "counter"
    UNTYPED = "untyped"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet: a label, or a metric with its HELP text."""

    name: str
    kind: Kind
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Rows to export: metric names are `pg_` + `name` + `_` + column.

    `cells(row)` returns one value per column, in order; None is no sample. A row
    that is the same object as last time is known to be unchanged and is not
    rendered again, unless `labels_version` moved (a relation was renamed).
    `row_class` is set for typed rows. `rank` names the counter by which the
    series profile keeps the top rows; without it `max_series` merely bounds the
    sheet. What is cut is counted.
    """

    name: str
    datname: str
    columns: tuple[Column, ...]
    rows: tuple[object, ...]
    cells: Callable[[object], tuple[object, ...]]
    labels_version: int = 0
    row_class: type[Row] | None = None
    rank: str = ""
    max_series: int | None = None
