"""Row level security written into a statement, as sub-selects in place of tables.

A role that bypasses policies can then run what another role's policies would make
of the statement, with these policies or with others, and no table is altered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from monitor.sqltext.tree import SubLink, inner, kind, parse
from monitor.sqltext.writing import draft, template, write

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pb

Guard = Callable[[str, str], str | None]
"""Schema and name of a table: the condition its rows must meet; None for none."""

_PULLED_UP = (SubLink.EXISTS, SubLink.ANY)


def inlined(statement: str, guard: Guard) -> str | None:
    """Return the statement with guarded tables replaced by filtered sub-selects.

    Tables in the conditions' own sub-selects are replaced, too. Only tables that
    are named with their schema are looked at. None when the text is not one SELECT
    that can be parsed, or when a condition reads its own table.
    """
    tree = parse(statement)
    if tree is None or len(tree.stmts) != 1:
        return None
    if kind(tree.stmts[0].stmt) != "select_stmt":
        return None
    try:
        _replace(tree.stmts[0].stmt, guard, frozenset())
    except _Unreadable:
        return None
    return write(tree)


def fenced(condition: str) -> str | None:
    """Return a condition whose sub-selects the planner cannot turn into joins.

    It never does that to a policy's own, but would once they stand in a WHERE.
    """
    changed = draft(condition)
    if changed is None:
        return None
    for part in list(_joinable(changed.root)):
        test = template("(null is true)")
        test.boolean_test.arg.CopyFrom(part)
        part.CopyFrom(test)
    return changed.text()


class _Unreadable(Exception):
    """A condition cannot be written into a statement."""


def _joinable(node: pb.Node) -> Iterator[pb.Node]:
    if kind(node) == "bool_expr":
        for part in node.bool_expr.args:
            yield from _joinable(part)
    elif kind(node) == "sub_link" and node.sub_link.sub_link_type in _PULLED_UP:
        yield node


def _replace(node: pb.Node, guard: Guard, seen: frozenset[tuple[str, str]]) -> None:
    table = _table(node)
    if table is not None and table.schemaname:
        name = (table.schemaname, table.relname)
        condition = guard(*name)
        if condition is not None:
            if name in seen:
                raise _Unreadable
            _filter(node, table, _prepared(condition, guard, seen | {name}))
        return
    for child in list(inner(node)):
        _replace(child, guard, seen)


def _prepared(
    condition: str, guard: Guard, seen: frozenset[tuple[str, str]]
) -> pb.Node:
    text = fenced(condition)
    if text is None:
        raise _Unreadable
    made = template(text)
    _replace(made, guard, seen)
    return made


def _table(node: pb.Node) -> pb.RangeVar | None:
    """Return the table that an item of FROM names, with or without TABLESAMPLE."""
    if kind(node) == "range_table_sample":
        node = node.range_table_sample.relation
    return node.range_var if kind(node) == "range_var" else None


def _filter(item: pb.Node, table: pb.RangeVar, condition: pb.Node) -> None:
    """Put a sub-select in an item's place that goes by the same name."""
    made = template("exists (select from (select * from x where true) as x)")
    sub = made.sub_link.subselect.select_stmt.from_clause[0]
    sub.range_subselect.alias.aliasname = table.alias.aliasname or table.relname
    sub.range_subselect.alias.colnames.extend(table.alias.colnames)
    # Inside, the condition's own sub-selects call the table by its name.
    table.ClearField("alias")
    query = sub.range_subselect.subquery.select_stmt
    query.from_clause[0].CopyFrom(item)
    query.where_clause.CopyFrom(condition)
    item.CopyFrom(sub)
