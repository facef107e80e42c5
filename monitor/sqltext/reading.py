"""Whether a statement does nothing but read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitor.sqltext.tree import kind, nodes, parse

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pb

_WRITES = frozenset(
    {"insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "locking_clause"}
)


def not_a_read(text: str) -> str:
    """Return why a text is not one SELECT that only reads; empty if it is."""
    tree = parse(text)
    if tree is None:
        return "the parser does not understand it"
    if len(tree.stmts) != 1:
        return "it is not one statement"
    statement = tree.stmts[0].stmt
    if kind(statement) != "select_stmt":
        return "it is not a SELECT"
    return _does_more([statement, *nodes(statement)])


def _does_more(found: Sequence[pb.Node]) -> str:
    if any(kind(node) in _WRITES for node in found):
        return "it writes or locks rows"
    selects = [node.select_stmt for node in found if kind(node) == "select_stmt"]
    if any(select.HasField("into_clause") for select in selects):
        return "it creates a table"
    if any(kind(node) == "param_ref" for node in found):
        return "it has parameters without values"
    return ""
