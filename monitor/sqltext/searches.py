"""Which columns must be indexed so that an index can serve a policy's expression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.sqltext.subselects import is_constant, own_columns
from monitor.sqltext.tree import (
    AND,
    NOT,
    Expression,
    is_comparison,
    kind,
    names,
    parse_expression,
)

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pb

IsLed = Callable[[str], bool]
"""Whether an index begins with a column."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A comparison of a bare column with something that does not depend on the row.

    What is compared with a literal alone may be true for most rows: an index that
    is there serves it, but it is no reason for one.
    """

    column: str
    is_constant: bool


@dataclass(frozen=True, slots=True)
class Every:
    """Conditions joined with AND: an index on one of them narrows the rows."""

    parts: tuple[Search, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Conditions joined with OR: an index helps only if there is one for each."""

    parts: tuple[Search, ...]


Search = Lookup | Every | Either | None
"""None is a condition that no index on a column can serve."""


def lacking(expression: str, is_led: IsLed) -> tuple[str, ...]:
    """Return the columns whose indexes would let one be used, in reading order.

    Empty when an index can be used as it is, when none would help, and when the
    expression was not analysed.
    """
    return _lacking(_search(expression), is_led) or ()


@lru_cache(maxsize=16384)
def _search(expression: str) -> Search:
    root = parse_expression(expression)
    return None if root is None else _of(root)


def _of(node: pb.Node) -> Search:
    if kind(node) == "bool_expr":
        if node.bool_expr.boolop == NOT:
            return None
        parts = tuple(map(_of, node.bool_expr.args))
        return Every(parts) if node.bool_expr.boolop == AND else Either(parts)
    if kind(node) == "a_expr" and is_comparison(node.a_expr):
        return _comparison(node.a_expr)
    return None


def _comparison(expression: pb.A_Expr) -> Lookup | None:
    left, right = expression.lexpr, expression.rexpr
    if expression.kind == Expression.OPERATOR and kind(left) != "column_ref":
        left, right = right, left
    if kind(left) != "column_ref" or any(own_columns(right)):
        return None
    return Lookup(names(left.column_ref.fields)[-1], is_constant(right))


def _lacking(search: Search, is_led: IsLed) -> tuple[str, ...] | None:
    """Return what lacks an index; None when no index would help."""
    match search:
        case Lookup(column=column) if is_led(column):
            return ()
        case Lookup(is_constant=False):
            return (search.column,)
        case Every(parts=parts):
            found = [_lacking(part, is_led) for part in parts]
            return min((f for f in found if f is not None), key=len, default=None)
        case Either(parts=parts):
            found = [_lacking(part, is_led) for part in parts]
            if None in found:
                return None
            columns = (column for f in found if f for column in f)
            return tuple(dict.fromkeys(columns))
        case _:
            return None
