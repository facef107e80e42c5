"""Turns a result's columns into a sheet: what is a label, a gauge, a counter.

The column's name and its type in PostgreSQL decide: a name that ends in `_total`
is a counter, any other number, truth value or moment a gauge, the rest labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any

from monitor.errors import TargetError
from monitor.model.snapshot import Column, Kind
from monitor.model.text import clean_text
from monitor.postgres.request import Reply

_BOOL = 16
_NUMBERS = frozenset({20, 21, 23, 26, 700, 701, 1700})
_INTERVAL = 1186
_MOMENTS = frozenset({1114, 1184})
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TIMESTAMP = "_timestamp_seconds"


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a sheet and how a row becomes their values."""

    columns: tuple[Column, ...]
    cells: Callable[[object], tuple[object, ...]]

    def labels(self, row: object) -> tuple[object, ...]:
        """Return what tells a row's series apart."""
        pairs = zip(self.columns, self.cells(row), strict=True)
        return tuple(value for column, value in pairs if column.kind is Kind.LABEL)


def describe(name: str, type_oid: int, text: str) -> Column:
    """Return the column of a sheet for a column of a result.

    Raises:
        TargetError: the name cannot be exported, or a counter is not a number.
    """
    if not _NAME.fullmatch(name) or name == "server":
        raise TargetError(f'cannot export a column named "{name}"')
    if name.endswith("_total"):
        if type_oid not in _NUMBERS:
            raise TargetError(f'counter "{name}" is not a number')
        return Column(name, Kind.COUNTER, text)
    if type_oid in _MOMENTS:
        stem = name.removesuffix("_timestamp")
        return Column(stem + _TIMESTAMP, Kind.GAUGE, text)
    if type_oid in _NUMBERS or type_oid in {_BOOL, _INTERVAL}:
        return Column(name, Kind.GAUGE, text)
    return Column(name, Kind.LABEL, text)


def of_rows(reply: Reply, texts: Mapping[str, str]) -> Layout:
    """Return the layout of typed rows: the columns that are described."""
    chosen = [
        (name, type_oid)
        for name, type_oid in zip(reply.columns, reply.types, strict=True)
        if name in texts
    ]
    return typed(chosen, texts)


def typed(chosen: Iterable[tuple[str, int]], texts: Mapping[str, str]) -> Layout:
    """Return the layout of the given fields (name and type oid) of typed rows."""
    fields = tuple(chosen)
    columns = tuple(describe(name, oid, texts[name]) for name, oid in fields)
    return Layout(columns, _cells(columns, _fields([name for name, _ in fields])))


def of_tuples(reply: Reply, texts: Mapping[str, str]) -> Layout:
    """Return the layout of plain tuples: every column.

    Raises:
        TargetError: two columns have one name, or one cannot be exported.
    """
    columns = tuple(
        describe(name, type_oid, texts.get(name, ""))
        for name, type_oid in zip(reply.columns, reply.types, strict=True)
    )
    if len({column.name for column in columns}) < len(columns):
        raise TargetError(f'columns of "{reply.name}" have the same name')
    return Layout(columns, _cells(columns, iter))


def distinct(layout: Layout, rows: Sequence[object]) -> tuple[object, ...]:
    """Return the first row of each set of labels: series cannot be told twice."""
    found: dict[tuple[object, ...], object] = {}
    for row in rows:
        found.setdefault(layout.labels(row), row)
    return tuple(found.values())


def _cells(
    columns: Sequence[Column], values_of: Callable[[Any], Iterable[object]]
) -> Callable[[object], tuple[object, ...]]:
    converters = [label if c.kind is Kind.LABEL else number for c in columns]

    def cells(row: object) -> tuple[object, ...]:
        pairs = zip(converters, values_of(row), strict=True)
        return tuple(convert(value) for convert, value in pairs)

    return cells


def _fields(names: Sequence[str]) -> Callable[[Any], Iterable[object]]:
    """Return what reads these attributes, as a tuple even when there is one."""
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda row: (get(row),)


def label(value: object) -> str:
    """Return a label's value; what is unknown is empty."""
    if value is None:
        return ""
    return clean_text(value if isinstance(value, bytes) else str(value))


def number(value: object) -> object:
    """Return a sample's value: seconds for times, 0 or 1 for truth, None for NULL."""
    match value:
        case bool():
            return int(value)
        case int() | float() | None:
            return value
        case Decimal():
            return float(value)
        case datetime():
            return value.timestamp()
        case timedelta():
            return value.total_seconds()
        case _:
            return None
