"""Sub-selects that depend on the row, turned into sets that do not.

`exists (select 1 from m where m.team = t.team and m.usr = u)` is evaluated for each
row of `t`; `team in (select m.team from m where m.usr = u)` once. Both are TRUE for
the same rows. They may differ in being FALSE or NULL, so only parts of a condition
that AND and OR alone join are touched: a policy admits a row only where it is TRUE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.sqltext.policy import calls
from monitor.sqltext.tree import Expression, SubLink, has_column, kind, names, nodes
from monitor.sqltext.writing import conditions, conjuncts, draft, template

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pb

Steady = Callable[[str, str], bool]
"""Schema and name of a function: whether it gives the same for the same, always."""

_BEYOND_ROWS = (
    "group_clause",
    "having_clause",
    "limit_count",
    "limit_offset",
    "with_clause",
    "distinct_clause",
    "window_clause",
    "locking_clause",
    "values_lists",
    "larg",
)


@dataclass(frozen=True, slots=True)
class _Correlation:
    """The equality that ties a sub-select to the outer row, and what else it asks."""

    outer: pb.Node
    inside: pb.Node
    rest: tuple[pb.Node, ...]


def as_sets(expression: str, is_steady: Steady) -> str | None:
    """Return the expression with `col in (select …)` for sub-selects per row.

    Turned are EXISTS, and IN whose left side needs no row, when one equality with
    a column of the outer row is all that ties them to it. None when there is no
    such part, when it calls a function that is not steady, or when the text cannot
    be parsed. The columns inside must be qualified, as `pg_get_expr` prints them.
    """
    if not all(is_steady(call.schema, call.name) for call in calls(expression)):
        return None
    changed = draft(expression)
    if changed is None:
        return None
    turned = [_turn(part) for part in conditions(changed.root)]
    return changed.text() if any(turned) else None


def as_arrays(expression: str, is_wanted: Callable[[str], bool]) -> str | None:
    """Return the expression with `col = any (array(select …))` for `col in (…)`.

    An index on the column can serve that. `is_wanted` is asked for each column.
    None when there is no such part or the text cannot be parsed.
    """
    changed = draft(expression)
    if changed is None:
        return None
    found = [p for p in conditions(changed.root) if _is_set(p)]
    chosen = [p for p in found if is_wanted(_column(p.sub_link.testexpr))]
    for part in chosen:
        array = template("(null = any (array(select null)))")
        array.a_expr.lexpr.CopyFrom(part.sub_link.testexpr)
        array.a_expr.rexpr.sub_link.subselect.CopyFrom(part.sub_link.subselect)
        part.CopyFrom(array)
    return changed.text() if chosen else None


def _is_set(part: pb.Node) -> bool:
    """Say whether a part is `column in (sub-select)` that no outer row changes."""
    if kind(part) != "sub_link" or not _is_membership(part.sub_link):
        return False
    is_free = not any(_outer_columns(part.sub_link.subselect))
    return is_free and bool(_column(part.sub_link.testexpr))


def _turn(part: pb.Node) -> bool:
    """Replace one part by its set; say whether that was possible."""
    if kind(part) != "sub_link":
        return False
    link = part.sub_link
    select = link.subselect.select_stmt
    if not _is_plain(select) or not _is_turnable(link):
        return False
    found = _correlation(link.subselect)
    if found is None:
        return False
    asked = list(found.rest)
    if link.sub_link_type == SubLink.ANY:
        asked.append(_equality(select.target_list[0].res_target.val, link.testexpr))
    part.CopyFrom(_set(select, found, asked))
    return True


def _set(select: pb.SelectStmt, found: _Correlation, asked: list[pb.Node]) -> pb.Node:
    made = template("(null in (select null))")
    made.sub_link.testexpr.CopyFrom(_bare(found.outer))
    new = made.sub_link.subselect.select_stmt
    new.target_list[0].res_target.val.CopyFrom(found.inside)
    new.from_clause.extend(select.from_clause)
    if len(asked) == 1:
        new.where_clause.CopyFrom(asked[0])
    elif asked:
        both = template("(null and null)")
        del both.bool_expr.args[:]
        both.bool_expr.args.extend(asked)
        new.where_clause.CopyFrom(both)
    return made


def _is_turnable(link: pb.SubLink) -> bool:
    targets = link.subselect.select_stmt.target_list
    if link.sub_link_type == SubLink.EXISTS:
        # A function in the list could return no row, or several.
        return not any(kind(n) == "func_call" for t in targets for n in nodes(t))
    is_alone = len(targets) == 1 and not has_column(link.testexpr)
    if not _is_membership(link) or not is_alone or kind(link.testexpr) == "row_expr":
        return False
    return kind(targets[0].res_target.val) == "column_ref"


def _is_membership(link: pb.SubLink) -> bool:
    return link.sub_link_type == SubLink.ANY and names(link.oper_name) in ((), ("=",))


def _is_plain(select: pb.SelectStmt) -> bool:
    if not select.from_clause:
        return False
    return not any(field.name in _BEYOND_ROWS for field, _ in select.ListFields())


def _correlation(sub_select: pb.Node) -> _Correlation | None:
    """Return what ties a sub-select to the outer row; None unless it is one thing."""
    parts = conjuncts(sub_select.select_stmt.where_clause)
    ties = [part for part in parts if any(_outer_columns(part, sub_select))]
    if len(ties) != 1 or len(list(_outer_columns(sub_select))) != 1:
        return None
    sides = _sides(ties[0], sub_select)
    if sides is None:
        return None
    outer, inside = sides
    return _Correlation(outer, inside, tuple(p for p in parts if p is not ties[0]))


def _sides(tie: pb.Node, sub_select: pb.Node) -> tuple[pb.Node, pb.Node] | None:
    """Return outer and inner column of an equality between the two."""
    if kind(tie) != "a_expr" or tie.a_expr.kind != Expression.OPERATOR:
        return None
    left, right = tie.a_expr.lexpr, tie.a_expr.rexpr
    is_simple = _column(left) and _column(right)
    if names(tie.a_expr.name) != ("=",) or not is_simple:
        return None
    is_left_outer = any(_outer_columns(left, sub_select))
    return (left, right) if is_left_outer else (right, left)


def _column(node: pb.Node) -> str:
    """Return the column that a node is, whatever it is cast to; empty for none."""
    while kind(node) == "type_cast":
        node = node.type_cast.arg
    return names(node.column_ref.fields)[-1] if kind(node) == "column_ref" else ""


def _bare(column: pb.Node) -> pb.Node:
    """Return a column as the policy's own table is meant without saying so."""
    made = template("null")
    made.CopyFrom(column)
    innermost = made
    while kind(innermost) == "type_cast":
        innermost = innermost.type_cast.arg
    last = innermost.column_ref.fields[-1].string.sval
    del innermost.column_ref.fields[:-1]
    innermost.column_ref.fields[0].string.sval = last
    return made


def _equality(left: pb.Node, right: pb.Node) -> pb.Node:
    made = template("(null = null)")
    made.a_expr.lexpr.CopyFrom(left)
    made.a_expr.rexpr.CopyFrom(right)
    return made


def _outer_columns(
    message: pb.Node, sub_select: pb.Node | None = None
) -> Iterator[pb.ColumnRef]:
    """Yield the columns below a node that no source of the sub-select offers."""
    known = frozenset(_sources(sub_select or message))
    for node in (message, *nodes(message)):
        if kind(node) == "column_ref":
            words = names(node.column_ref.fields)
            if len(words) < 2 or words[0] not in known:  # noqa: PLR2004 - table.column
                yield node.column_ref


def _sources(sub_select: pb.Node) -> Iterator[str]:
    for node in nodes(sub_select):
        match kind(node):
            case "range_var":
                alias = node.range_var.alias.aliasname
                yield alias or node.range_var.relname
            case "range_subselect":
                yield node.range_subselect.alias.aliasname
            case "range_function":
                yield node.range_function.alias.aliasname
            case "join_expr":
                yield node.join_expr.alias.aliasname
            case _:
                pass
