"""What a list's URL may ask for: filters, order, limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import nlargest
from http import HTTPStatus
from typing import cast

from monitor.api.responses import Problem
from monitor.model.finding import Severity

MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A list's parameters, checked. `filters` must equal the row's own value."""

    filters: Mapping[str, str]
    order: str = ""
    limit: int = MOST_ROWS

    @property
    def target(self) -> str | None:
        """Return the one target that is asked for."""
        return self.filters.get("target")


def parse(
    given: Iterable[tuple[str, str]],
    *,
    filters: tuple[str, ...],
    orders: tuple[str, ...] = (),
    limit: int = MOST_ROWS,
) -> Query:
    """Return a list's parameters.

    Raises:
        Problem: one is unknown here, given twice, or its value makes no sense.
    """
    found: dict[str, str] = {}
    for name, value in given:
        if name not in (*filters, "limit", *(("order",) if orders else ())):
            raise Problem(HTTPStatus.BAD_REQUEST, f'unknown parameter "{name[:40]}"')
        if name in found:
            raise Problem(HTTPStatus.BAD_REQUEST, f'parameter "{name}" is given twice')
        found[name] = value
    if found.get("severity", Severity.INFO) not in set(Severity):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "severity must be critical, warning or info"
        )
    order = found.pop("order", orders[0] if orders else "")
    if order and order not in orders:
        raise Problem(
            HTTPStatus.BAD_REQUEST, f"order must be one of {', '.join(orders)}"
        )
    limit = _limit(found.pop("limit", None), limit)
    return Query(filters=found, order=order, limit=limit)


def _limit(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= MOST_ROWS:
        raise Problem(HTTPStatus.BAD_REQUEST, f"limit must be from 1 to {MOST_ROWS}")
    return int(text[:9])


def select(rows: Iterable[object], query: Query) -> tuple[list[object], int]:
    """Return the rows a query asks for, largest first, and how many match it.

    Rows whose figure is unknown come last. Without an order they stay as they are.
    """
    wanted = query.filters.items()
    matching = [row for row in rows if all(value(row, n) == v for n, v in wanted)]
    if not query.order:
        return matching[: query.limit], len(matching)
    chosen = nlargest(query.limit, matching, key=lambda row: _rank(row, query.order))
    return chosen, len(matching)


def value(row: object, name: str) -> object:
    """Return a row's value of a name, whether it is a shape or an entry."""
    if isinstance(row, dict):
        return cast("dict[str, object]", row).get(name)
    return getattr(row, name, None)


def _rank(row: object, order: str) -> tuple[bool, float]:
    figure = value(row, order)
    if isinstance(figure, int | float):
        return True, figure
    return False, 0.0
