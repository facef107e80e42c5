"""Whether a condition can only hold for a user that the request has named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.sqltext.rewrite import Wanted, called
from monitor.sqltext.tree import (
    AND,
    NOT,
    has_column,
    is_equality,
    kind,
    nodes,
    parse_expression,
)

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pb


def asks_for_identity(expression: str, is_identity: Wanted) -> bool:
    """Say whether each way for a condition to hold compares with who is asking.

    `is_identity` tells the functions that say who: where they give NULL, as for a
    request without a login, the comparison is not TRUE. That they do is not known
    from here. False also when the text cannot be parsed.
    """
    root = parse_expression(expression)
    return root is not None and _asks(root, is_identity)


def _asks(node: pb.Node, is_identity: Wanted) -> bool:
    if kind(node) == "bool_expr":
        parts = [_asks(part, is_identity) for part in node.bool_expr.args]
        if node.bool_expr.boolop == NOT:
            return False
        return any(parts) if node.bool_expr.boolop == AND else all(parts)
    if kind(node) == "a_expr" and is_equality(node.a_expr):
        sides = (node.a_expr.lexpr, node.a_expr.rexpr)
        return any(_names(side, is_identity) for side in sides)
    return False


def _names(side: pb.Node, is_identity: Wanted) -> bool:
    if has_column(side):
        return False
    return any(
        kind(node) == "func_call" and is_identity(*called(node))
        for node in (side, *nodes(side))
    )
