"""Differences of counters between two readings; never negative, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, Generic, cast

from monitor.model.snapshot import R, Reading, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta(Generic[R]):
    """What changed between two readings of one collector in one database.

    `rows` are of the reading's own type: fields ending in `_total` hold the
    increase over `seconds`, all others their current value. Rows in which no
    counter moved are left out. A row whose own counters went backwards (reset
    of one table, eviction of a statement) is left out and counted in `withheld`.
    """

    collector: str
    datname: str
    seconds: float
    rows: tuple[R, ...]
    withheld: int = 0


@cache
def counters(kind: type[Any]) -> tuple[str, ...]:
    """Return the counter fields of a row class."""
    return tuple(f.name for f in fields(kind) if f.name.endswith("_total"))


@cache
def key_of(kind: type[Any]) -> Callable[[Any], object]:
    """Return the function that gives a row's identity across readings.

    A kind without KEY has one row, which is always the same one.
    """
    return attrgetter(*kind.KEY) if kind.KEY else _only_row


def _only_row(_row: object) -> tuple[Any, ...]:
    return ()


def difference(earlier: Reading[R], later: Reading[R]) -> Delta[R] | None:
    """Return the increase from one reading to the next.

    None across a reset, restart or failover, when time did not advance, and
    when the readings are not of the same collector and database. A row that is
    new since a complete reading counts in full: it began after that reading.
    """
    if (earlier.collector, earlier.datname) != (later.collector, later.datname):
        return None
    seconds = later.monotonic - earlier.monotonic
    if earlier.epoch != later.epoch or seconds <= 0:
        return None
    rows = tuple(_increases(earlier, later))
    return Delta(
        collector=later.collector,
        datname=later.datname,
        seconds=seconds,
        rows=tuple(row for row in rows if row is not None),
        withheld=sum(row is None for row in rows),
    )


def _increases(earlier: Reading[R], later: Reading[R]) -> Iterator[R | None]:
    """Yield what each row that changed gained.

    Nearly all rows are the very objects of the earlier reading: they are told by
    identity, at a tenth of the cost of looking up their keys.
    """
    if not later.rows:
        return
    key = key_of(type(later.rows[0]))
    same = set(map(id, earlier.rows)) & set(map(id, later.rows))
    before = {key(row): row for row in earlier.rows if id(row) not in same}
    for row in later.rows:
        if id(row) in same:
            continue
        previous = before.get(key(row))
        if previous is None:
            yield row if earlier.is_complete else None
        elif _is_reset(previous, row):
            yield None
        elif _counts(type(row))(previous) != _counts(type(row))(row):
            yield increase(previous, row)


def _is_reset(previous: Row, row: Row) -> bool:
    """Compare `stats_reset` and `stats_since` where the row class has them.

    A falling counter is not the only sign: after a reset the new count may
    already have passed the old one.
    """
    return any(
        getattr(previous, name) != getattr(row, name) for name in _resets(type(row))
    )


@cache
def _resets(kind: type[Any]) -> tuple[str, ...]:
    names = _names(kind)
    return tuple(name for name in ("stats_reset", "stats_since") if name in names)


@cache
def _counts(kind: type[Any]) -> Callable[[Any], tuple[float | None, ...]]:
    """Return what reads a row's counters, always as a tuple."""
    return _reader(counters(kind))


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


@cache
def _values(kind: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    return _reader(_names(kind))


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if not names:
        return _only_row
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda row: (get(row),)


def increase(previous: R, row: R) -> R | None:
    """Return `row` with its counters reduced by `previous`; None if one fell.

    A counter that either side does not know (NULL) stays None.
    """
    kind = cast("Any", type(row))
    changes: dict[str, Any] = dict(zip(_names(kind), _values(kind)(row), strict=True))
    olds, news = _counts(kind)(previous), _counts(kind)(row)
    for name, old, new in zip(counters(kind), olds, news, strict=True):
        if old is None or new is None:
            changes[name] = None
        elif new < old:
            return None
        else:
            changes[name] = new - old
    # The constructor takes a third of the time of dataclasses.replace.
    return cast("R", kind(**changes))
