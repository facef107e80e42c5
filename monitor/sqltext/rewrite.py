"""Calls in expressions wrapped so that they run once, by the tree, not the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.sqltext.policy import is_uncorrelated
from monitor.sqltext.tree import Expression, SubLink, has_column, inner, kind, names
from monitor.sqltext.writing import draft, template

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pb

Wanted = Callable[[str, str], bool]
"""Schema (empty where none is named) and name of a function: whether to wrap it."""
ArrayType = Callable[[str, str], str]
"""Schema and name of a function: the array type it returns, empty if unknown."""

_ARRAY_OPERANDS = (Expression.OPERATOR_ANY, Expression.OPERATOR_ALL)


def unknown_type(_schema: str, _name: str) -> str:
    """Return no type: nothing is known of what functions return."""
    return ""


@lru_cache(maxsize=512)
def wrapped(expression: str, is_wanted: Wanted) -> str | None:
    """Return the expression with `(select f())` around calls that need no row.

    A STABLE function then runs once per statement instead of once per row, with
    the same result. None when nothing is to be done, when the text cannot be
    parsed, or when one of the calls is the array of ANY or ALL: a sub-select in
    that place would be taken for a set of rows.
    """
    return wrapped_by_type(expression, is_wanted, unknown_type)


def wrapped_by_type(
    expression: str, is_wanted: Wanted, array_type: ArrayType
) -> str | None:
    """Return the same, with arrays of ANY and ALL wrapped where their type is known.

    `= any (f())` becomes `= any ((select f())::type[])`: the cast tells the
    server that it is one array and not a set of rows.
    """
    changed = draft(expression)
    if changed is None:
        return None
    calls = list(_bare_calls(changed.root, is_wanted, is_array=False))
    types = [array_type(*called(call)) for call, is_array in calls if is_array]
    if not calls or not all(types):
        return None
    for call, is_array in calls:
        _wrap(call, array_type(*called(call)) if is_array else "")
    return changed.text()


def called(call: pb.Node) -> tuple[str, str]:
    """Return schema (empty where none is named) and name of a call's function."""
    *schema, name = names(call.func_call.funcname)
    return (schema[-1] if schema else "", name)


def _bare_calls(
    node: pb.Node, is_wanted: Wanted, *, is_array: bool
) -> Iterator[tuple[pb.Node, bool]]:
    """Yield the calls to wrap, and whether each is the array of ANY or ALL."""
    if _needs_no_row(node) and is_wanted(*called(node)):
        yield node, is_array
        return
    for child, is_operand in _evaluated_per_row(node):
        yield from _bare_calls(child, is_wanted, is_array=is_operand)


def _evaluated_per_row(node: pb.Node) -> Iterator[tuple[pb.Node, bool]]:
    if kind(node) == "range_function":
        # A function in FROM is called once per scan, and may return many rows.
        return
    if kind(node) == "sub_link" and is_uncorrelated(node.sub_link):
        if node.sub_link.sub_link_type in (SubLink.ANY, SubLink.ALL):
            yield node.sub_link.testexpr, False
        return
    if kind(node) == "a_expr" and node.a_expr.kind in _ARRAY_OPERANDS:
        yield node.a_expr.lexpr, False
        yield node.a_expr.rexpr, True
        return
    for child in inner(node):
        yield child, False


def _needs_no_row(node: pb.Node) -> bool:
    if kind(node) != "func_call" or has_column(node.func_call):
        return False
    call = node.func_call
    is_aggregate = call.agg_star or call.agg_distinct or len(call.agg_order) > 0
    return not (is_aggregate or call.HasField("agg_filter") or call.HasField("over"))


def _wrap(call: pb.Node, type_name: str) -> None:
    sub_select = template("(select null)")
    select = sub_select.sub_link.subselect.select_stmt
    select.target_list[0].res_target.val.CopyFrom(call)
    if type_name:
        cast = template(f"(select null)::{type_name}")
        cast.type_cast.arg.CopyFrom(sub_select)
        sub_select = cast
    call.CopyFrom(sub_select)
