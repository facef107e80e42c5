"""What a row level security policy's expression calls and compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.sqltext.subselects import own_columns
from monitor.sqltext.tree import (
    NOT,
    Expression,
    SubLink,
    has_column,
    inner,
    is_comparison,
    kind,
    names,
    parse_expression,
)

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One function call in an expression.

    `schema` is empty where the text names none. `is_wrapped` says that a
    sub-select without FROM and without outer columns is around it, so that it
    runs once per statement. `arguments_are_constant` says that no argument
    depends on a row. `is_in_subquery` says that it is evaluated for rows of a
    sub-select rather than of the policy's own table.
    """

    schema: str
    name: str
    is_wrapped: bool
    arguments_are_constant: bool
    is_in_subquery: bool


@lru_cache(maxsize=16384)
def is_analysed(expression: str) -> bool:
    """Say whether the expression could be parsed; if not, nothing is known of it."""
    return parse_expression(expression) is not None


@lru_cache(maxsize=16384)
def calls(expression: str) -> tuple[Call, ...]:
    """Return the function calls of an expression as `pg_get_expr` prints it.

    Empty also when it was not analysed; `is_analysed` tells the two apart.
    """
    root = parse_expression(expression)
    if root is None:
        return ()
    return tuple(_calls(root, _Around()))


@lru_cache(maxsize=16384)
def columns(expression: str) -> tuple[str, ...]:
    """Return the own table's columns that are compared with something, once each.

    Only bare columns count: `lower(email) = …` or `id::text = …` needs another
    index than one on the column. Columns inside sub-selects belong to other
    tables or are served by those tables' indexes. Empty when not analysed.
    """
    root = parse_expression(expression)
    return () if root is None else tuple(dict.fromkeys(_compared(root)))


@dataclass(frozen=True, slots=True)
class _Around:
    """Where a part of an expression stands; `reads_once`: below FROM, read once."""

    is_wrapped: bool = False
    is_in_subquery: bool = False
    reads_once: bool = False


def _calls(node: pb.Node, around: _Around) -> Iterator[Call]:
    if kind(node) == "sub_link":
        yield from _calls_of_link(node.sub_link, around)
        return
    if kind(node) == "func_call":
        *schema, name = names(node.func_call.funcname)
        yield Call(
            schema=".".join(schema),
            name=name,
            is_wrapped=around.is_wrapped,
            arguments_are_constant=not has_column(node.func_call),
            is_in_subquery=around.is_in_subquery,
        )
    if kind(node) == "range_function" and around.reads_once:
        around = replace(around, is_wrapped=True)
    for child in inner(node):
        yield from _calls(child, around)


def _calls_of_link(link: pb.SubLink, around: _Around) -> Iterator[Call]:
    if kind(link.testexpr):
        # What is compared with the sub-select's rows is evaluated outside of it.
        yield from _calls(link.testexpr, around)
    reads = bool(link.subselect.select_stmt.from_clause)
    inside = _Around(
        is_wrapped=around.is_wrapped or is_uncorrelated(link),
        is_in_subquery=around.is_in_subquery or reads,
        # A function in FROM is called per scan, and there is one if no row matters.
        reads_once=not any(own_columns(link.subselect)),
    )
    yield from _calls(link.subselect, inside)


def is_uncorrelated(link: pb.SubLink) -> bool:
    """Say whether a sub-select without FROM is evaluated once per statement.

    As an InitPlan, or hashed when its rows are compared with something.
    """
    return not link.subselect.select_stmt.from_clause and not has_column(link.subselect)


def _compared(node: pb.Node) -> Iterator[str]:
    if kind(node) == "a_expr":
        yield from _operands(node.a_expr)
    if kind(node) == "sub_link":
        # `col in (select …)`: the column stands in front of the sub-select.
        if node.sub_link.sub_link_type == SubLink.ANY:
            yield from _bare_column(node.sub_link.testexpr)
        return
    if kind(node) == "bool_expr" and node.bool_expr.boolop == NOT:
        return
    for child in inner(node):
        yield from _compared(child)


def _operands(expression: pb.A_Expr) -> Iterator[str]:
    if is_comparison(expression):
        yield from _bare_column(expression.lexpr)
        if expression.kind == Expression.OPERATOR:
            yield from _bare_column(expression.rexpr)


def _bare_column(node: pb.Node) -> Iterator[str]:
    if kind(node) == "column_ref":
        yield names(node.column_ref.fields)[-1]
