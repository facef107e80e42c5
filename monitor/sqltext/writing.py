"""From syntax trees back to text: expressions taken apart, changed and written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from monitor.sqltext.tree import AND, NOT, kind, parse, parse_expression

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from postgast import pg_query_pb2 as pb


class Draft:
    """An expression that is being rewritten; `root` is its outermost node."""

    def __init__(self, tree: pb.ParseResult) -> None:
        self._tree = tree

    @property
    def root(self) -> pb.Node:
        """Return the outermost node of the expression."""
        return self._tree.stmts[0].stmt.select_stmt.target_list[0].res_target.val

    def text(self) -> str | None:
        """Return the expression as it is now; None if it cannot be written down."""
        written = write(self._tree)
        return None if written is None else written.removeprefix("SELECT ")


def draft(expression: str) -> Draft | None:
    """Return one expression ready for changes; None where it is not exactly one."""
    tree = parse(f"select ({expression})")
    if tree is None or len(tree.stmts) != 1:
        return None
    targets = tree.stmts[0].stmt.select_stmt.target_list
    return Draft(tree) if len(targets) == 1 else None


def template(expression: str) -> pb.Node:
    """Return the node of an expression that is known to parse."""
    node = parse_expression(expression)
    if node is None:
        raise ValueError(f"not an expression: {expression}")
    return node


def write(tree: pb.ParseResult) -> str | None:
    """Return a syntax tree as text; None unless that text has this very tree."""
    from postgast.deparse import deparse  # noqa: PLC0415 - loaded lazily

    written = deparse(tree)
    again = parse(written)
    return written if again is not None and _is_same(tree, again) else None


def _is_same(one: pb.ParseResult, other: pb.ParseResult) -> bool:
    trees = [type(each)() for each in (one, other)]
    for copy, each in zip(trees, (one, other), strict=True):
        copy.CopyFrom(each)
        for statement in copy.stmts:
            statement.ClearField("stmt_len")
        _forget_places(copy)
    return trees[0] == trees[1]


def _forget_places(message: Message) -> None:
    """Remove where in the text each part stood."""
    for descriptor, value in message.ListFields():
        if descriptor.name in ("location", "list_start", "list_end"):
            message.ClearField(descriptor.name)
        elif descriptor.message_type is not None:
            for child in value if descriptor.is_repeated else (value,):
                _forget_places(child)


def conditions(node: pb.Node) -> Iterator[pb.Node]:
    """Yield the parts of a condition that AND and OR join, however deep.

    Where the whole must be TRUE, a part that is NULL counts as one that is FALSE.
    """
    if kind(node) == "bool_expr" and node.bool_expr.boolop != NOT:
        for part in node.bool_expr.args:
            yield from conditions(part)
        return
    yield node


def conjuncts(node: pb.Node) -> tuple[pb.Node, ...]:
    """Return what must all be TRUE for a condition to be."""
    if kind(node) == "bool_expr" and node.bool_expr.boolop == AND:
        return tuple(n for part in node.bool_expr.args for n in conjuncts(part))
    return (node,) if kind(node) else ()
