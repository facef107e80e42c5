"""What the sub-selects of a policy's expression read, compare and depend on.

In what `pg_get_expr` prints, every column inside a sub-select carries the name or
alias of its table, and no alias hides another. So a column whose table stands in no
FROM around it is one of the policy's own table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.sqltext.tree import (
    AND,
    Expression,
    SubLink,
    inner,
    is_equality,
    kind,
    names,
    parse_expression,
)

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """`column = …` on a table of a sub-select, in a condition that must hold.

    `other` is the other side's column if it is one of the same table, else empty.
    `is_constant` says that the other side names nothing: no column, no call.
    """

    schema: str
    relname: str
    column: str
    other: str
    is_constant: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SubSelect:
    """A sub-select with a FROM list.

    `outer` are the own table's columns that it names, `depends_on_row` says that
    its result does: it names one, or is compared with one.
    """

    text: str
    outer: tuple[str, ...]
    depends_on_row: bool
    equations: tuple[Equation, ...]


@lru_cache(maxsize=16384)
def sub_selects(expression: str) -> tuple[SubSelect, ...]:
    """Return the sub-selects of an expression, outer before inner.

    Empty also when it was not analysed; `policy.is_analysed` tells the two apart.
    """
    root = parse_expression(expression)
    return () if root is None else tuple(_sub_selects(root, frozenset()))


def own_columns(node: pb.Node, bound: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the columns of a node that are not of a sub-select's table.

    `bound` are the aliases of the FROM lists around it.
    """
    if kind(node) == "column_ref":
        *qualifier, column = names(node.column_ref.fields)
        # Inside a sub-select only the merged columns of a join have no qualifier.
        is_inner = qualifier[-1] in bound if qualifier else bool(bound)
        if not is_inner:
            yield column
        return
    if kind(node) == "select_stmt":
        bound |= _aliases(node)
    for child in inner(node):
        yield from own_columns(child, bound)


def _sub_selects(node: pb.Node, bound: frozenset[str]) -> Iterator[SubSelect]:
    if kind(node) == "sub_link":
        link = node.sub_link
        yield from _sub_selects(link.testexpr, bound)
        if _reads(link.subselect.select_stmt):
            yield _sub_select(link, bound)
        yield from _sub_selects(link.subselect, bound)
        return
    if kind(node) == "select_stmt":
        bound |= _aliases(node)
    for child in inner(node):
        yield from _sub_selects(child, bound)


def _sub_select(link: pb.SubLink, bound: frozenset[str]) -> SubSelect:
    outer = tuple(dict.fromkeys(own_columns(link.subselect, bound)))
    compared = tuple(own_columns(link.testexpr, bound))
    sources = dict(_tables(link.subselect))
    found = _equations(link.subselect, sources)
    tables = ", ".join(".".join(filter(None, name)) for name in sources.values())
    return SubSelect(
        text=tables or "a function",
        outer=outer,
        depends_on_row=bool(outer or compared),
        equations=tuple(dict.fromkeys(found)),
    )


def _reads(select: pb.SelectStmt) -> bool:
    if select.HasField("larg"):
        return _reads(select.larg) or _reads(select.rarg)
    return bool(select.from_clause)


def _aliases(select: pb.Node) -> frozenset[str]:
    """Return the names by which a SELECT's columns are qualified, derived ones too."""
    return frozenset(alias for alias, _ in _sources(select.select_stmt))


def _tables(select: pb.Node) -> Iterator[tuple[str, tuple[str, str]]]:
    found = _sources(select.select_stmt)
    return ((alias, table) for alias, table in found if table[1])


def _sources(select: pb.SelectStmt) -> Iterator[tuple[str, tuple[str, str]]]:
    if select.HasField("larg"):
        # UNION and its like: the columns of each side carry that side's aliases.
        yield from _sources(select.larg)
        yield from _sources(select.rarg)
    for item in select.from_clause:
        yield from _source(item)


def _source(node: pb.Node) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield alias, and schema and name of a table, of one item of FROM."""
    match kind(node):
        case "range_var":
            table = node.range_var
            alias = table.alias.aliasname or table.relname
            yield alias, (table.schemaname, table.relname)
        case "join_expr":
            yield node.join_expr.alias.aliasname, ("", "")
            yield from _source(node.join_expr.larg)
            yield from _source(node.join_expr.rarg)
        case "range_subselect":
            yield node.range_subselect.alias.aliasname, ("", "")
        case "range_function":
            yield node.range_function.alias.aliasname, ("", "")
        case "range_table_sample":
            yield from _source(node.range_table_sample.relation)
        case _:
            # XMLTABLE and JSON_TABLE.
            source = getattr(node, kind(node))
            yield source.alias.aliasname, ("", "")


def _equations(
    select: pb.Node, tables: dict[str, tuple[str, str]]
) -> Iterator[Equation]:
    statement = select.select_stmt
    for item in statement.from_clause:
        if kind(item) == "join_expr":
            yield from _joined(item, tables)
    yield from _conjuncts(statement.where_clause, tables)


def _joined(node: pb.Node, tables: dict[str, tuple[str, str]]) -> Iterator[Equation]:
    join = node.join_expr
    for side in (join.larg, join.rarg):
        if kind(side) == "join_expr":
            yield from _joined(side, tables)
    yield from _conjuncts(join.quals, tables)


def _conjuncts(node: pb.Node, tables: dict[str, tuple[str, str]]) -> Iterator[Equation]:
    """Yield the equations of a condition that must all hold."""
    if kind(node) == "bool_expr" and node.bool_expr.boolop == AND:
        for part in node.bool_expr.args:
            yield from _conjuncts(part, tables)
    elif kind(node) == "a_expr" and is_equality(node.a_expr):
        left, right = node.a_expr.lexpr, node.a_expr.rexpr
        yield from _equation(left, right, tables)
        if node.a_expr.kind == Expression.OPERATOR:
            yield from _equation(right, left, tables)
    elif kind(node) == "sub_link" and node.sub_link.sub_link_type == SubLink.ANY:
        link = node.sub_link
        yield from _equation(link.testexpr, link.subselect, tables)


def _equation(
    side: pb.Node, other: pb.Node, tables: dict[str, tuple[str, str]]
) -> Iterator[Equation]:
    alias, column = _path(side)
    if alias not in tables:
        return
    schema, relname = tables[alias]
    other_alias, other_column = _path(other)
    yield Equation(
        schema=schema,
        relname=relname,
        column=column,
        other=other_column if other_alias == alias else "",
        is_constant=is_constant(other),
    )


def _path(node: pb.Node) -> tuple[str, str]:
    """Return a bare column's qualifier and name; empty for anything else."""
    if kind(node) != "column_ref":
        return "", ""
    path = names(node.column_ref.fields)
    return (path[-2], path[-1]) if len(path) > 1 else ("", "")


_NAMING = frozenset({"column_ref", "func_call", "sub_link", "sqlvalue_function"})


def is_constant(node: pb.Node) -> bool:
    """Say whether an operand is made of literals alone."""
    return kind(node) not in _NAMING and all(map(is_constant, inner(node)))
