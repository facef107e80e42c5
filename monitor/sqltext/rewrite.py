"""Rewrites of expressions by their syntax tree, never by their text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.sqltext.policy import runs_once
from monitor.sqltext.tree import (
    Expression,
    has_column,
    inner,
    kind,
    names,
    parse,
    parse_expression,
)

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pb

Wanted = Callable[[str, str], bool]
"""Schema (empty where none is named) and name of a function: whether to wrap it."""

_ARRAY_OPERANDS = (Expression.OPERATOR_ANY, Expression.OPERATOR_ALL)


@lru_cache(maxsize=512)
def wrapped(expression: str, is_wanted: Wanted) -> str | None:
    """Return the expression with `(select f())` around calls that need no row.

    A STABLE function then runs once per statement instead of once per row, with
    the same result. None when nothing is to be done, when the text cannot be
    parsed, or when one of the calls is the array of ANY or ALL: a sub-select in
    that place would be taken for a set of rows.
    """
    tree = parse(f"select ({expression})")
    sub_select = parse_expression("(select null)")
    if tree is None or sub_select is None or len(tree.stmts) != 1:
        return None
    targets = tree.stmts[0].stmt.select_stmt.target_list
    if len(targets) != 1:
        return None
    calls = list(_bare_calls(targets[0].res_target.val, is_wanted))
    if not calls or None in calls:
        return None
    for call in filter(None, calls):
        _wrap(call, sub_select)
    return _deparse(tree).removeprefix("SELECT ")


def _bare_calls(node: pb.Node, is_wanted: Wanted) -> Iterator[pb.Node | None]:
    """Yield the calls to wrap; None for one that must not be wrapped."""
    if kind(node) == "sub_link" and runs_once(node.sub_link):
        return
    if _needs_no_row(node, is_wanted):
        yield node
        return
    if kind(node) == "a_expr" and node.a_expr.kind in _ARRAY_OPERANDS:
        yield from _bare_calls(node.a_expr.lexpr, is_wanted)
        array = node.a_expr.rexpr
        is_operand = _needs_no_row(array, is_wanted)
        yield from [None] if is_operand else _bare_calls(array, is_wanted)
        return
    for child in inner(node):
        yield from _bare_calls(child, is_wanted)


def _needs_no_row(node: pb.Node, is_wanted: Wanted) -> bool:
    if kind(node) != "func_call" or has_column(node.func_call):
        return False
    *schema, name = names(node.func_call.funcname)
    return is_wanted(schema[-1] if schema else "", name)


def _wrap(call: pb.Node, sub_select: pb.Node) -> None:
    select = sub_select.sub_link.subselect.select_stmt
    select.target_list[0].res_target.val.CopyFrom(call)
    call.CopyFrom(sub_select)


def _deparse(tree: pb.ParseResult) -> str:
    from postgast.deparse import deparse  # noqa: PLC0415 - loaded lazily

    return deparse(tree)
