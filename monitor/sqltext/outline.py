"""Reduces a statement's syntax tree to what index advice needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.sqltext.syntax import Comparison, Match, Outline, Scope, Sort, Source
from monitor.sqltext.tree import (
    AND,
    DESCENDING,
    NOT,
    Expression,
    SubLink,
    inner,
    is_comparison,
    is_equality,
    kind,
    names,
    parse,
)

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pb

_Ctes = frozenset[str]
_STATEMENTS = frozenset(
    {"select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt"}
)


@lru_cache(maxsize=16384)
def outline(text: str) -> Outline | None:
    """Return the outline of a recorded text; None means "not analysed"."""
    tree = parse(text)
    if tree is None:
        return None
    builder = _Builder()
    for statement in tree.stmts:
        builder.statement(statement.stmt, frozenset(), -1)
    return Outline(
        relations=tuple(dict.fromkeys(builder.relations)),
        written=tuple(dict.fromkeys(builder.written)),
        scopes=tuple(builder.scopes),
        comparisons=tuple(dict.fromkeys(builder.comparisons)),
        sorts=tuple(dict.fromkeys(builder.sorts)),
    )


@dataclass(slots=True)
class _Builder:
    relations: list[Source] = field(default_factory=list[Source])
    written: list[Source] = field(default_factory=list[Source])
    scopes: list[Scope] = field(default_factory=list[Scope])
    comparisons: list[Comparison] = field(default_factory=list[Comparison])
    sorts: list[Sort] = field(default_factory=list[Sort])

    def statement(self, node: pb.Node, ctes: _Ctes, parent: int) -> None:
        match kind(node):
            case "select_stmt":
                self.select(node.select_stmt, ctes, parent)
            case "insert_stmt":
                self.insert(node.insert_stmt, ctes, parent)
            case "update_stmt":
                update = node.update_stmt
                ctes = self.with_clause(update.with_clause, ctes, parent)
                scope = self.write(update.relation, update.from_clause, ctes, parent)
                self.search(update.target_list, ctes, scope)
                self.filter(update.where_clause, ctes, scope)
            case "delete_stmt":
                delete = node.delete_stmt
                ctes = self.with_clause(delete.with_clause, ctes, parent)
                scope = self.write(delete.relation, delete.using_clause, ctes, parent)
                self.filter(delete.where_clause, ctes, scope)
            case "merge_stmt":
                merge = node.merge_stmt
                ctes = self.with_clause(merge.with_clause, ctes, parent)
                sources = (merge.source_relation,)
                scope = self.write(merge.relation, sources, ctes, parent)
                self.filter(merge.join_condition, ctes, scope)
            case _:
                self.search((node,), ctes, parent)

    def select(self, select: pb.SelectStmt, ctes: _Ctes, parent: int) -> None:
        ctes = self.with_clause(select.with_clause, ctes, parent)
        if select.HasField("larg"):
            self.select(select.larg, ctes, parent)
            self.select(select.rarg, ctes, parent)
            return
        scope = self.open(select.from_clause, ctes, parent)
        self.filter(select.where_clause, ctes, scope)
        for expressions in (
            select.target_list,
            select.values_lists,
            select.group_clause,
            (select.having_clause,),
        ):
            self.search(expressions, ctes, scope)
        for key in select.sort_clause:
            self.sort(key.sort_by, scope, is_limited=select.HasField("limit_count"))

    def insert(self, insert: pb.InsertStmt, ctes: _Ctes, parent: int) -> None:
        ctes = self.with_clause(insert.with_clause, ctes, parent)
        self.write(insert.relation, (), ctes, parent)
        self.statement(insert.select_stmt, ctes, parent)

    def write(
        self,
        relation: pb.RangeVar,
        others: Iterable[pb.Node],
        ctes: _Ctes,
        parent: int,
    ) -> int:
        # The target of a write is never a CTE, even if one has its name.
        target = self.relation(relation, frozenset())
        self.written.append(Source("", target.schema, target.name))
        return self.open(others, ctes, parent, target)

    def with_clause(self, clause: pb.WithClause, ctes: _Ctes, parent: int) -> _Ctes:
        for node in clause.ctes:
            name = node.common_table_expr.ctename
            visible = ctes | {name} if clause.recursive else ctes
            self.statement(node.common_table_expr.ctequery, visible, parent)
            ctes |= {name}
        return ctes

    def open(
        self, clause: Iterable[pb.Node], ctes: _Ctes, parent: int, *first: Source
    ) -> int:
        """Register a FROM list as a scope and look through its conditions."""
        number = len(self.scopes)
        self.scopes.append(Scope(first, parent))
        for item in clause:
            self.source(item, ctes, number)
        return number

    def source(self, node: pb.Node, ctes: _Ctes, scope: int) -> None:
        match kind(node):
            case "range_var":
                self.add(scope, self.relation(node.range_var, ctes))
            case "join_expr":
                self.source(node.join_expr.larg, ctes, scope)
                self.source(node.join_expr.rarg, ctes, scope)
                self.filter(node.join_expr.quals, ctes, scope)
            case "range_subselect":
                derived = node.range_subselect
                outer = scope if derived.lateral else self.scopes[scope].parent
                self.statement(derived.subquery, ctes, outer)
                self.add(scope, Source(derived.alias.aliasname))
            case "range_function":
                self.add(scope, Source(node.range_function.alias.aliasname))
                self.search(inner(node.range_function), ctes, scope)
            case _:
                self.add(scope, Source(""))
                self.search((node,), ctes, scope)

    def add(self, scope: int, source: Source) -> None:
        opened = self.scopes[scope]
        self.scopes[scope] = Scope((*opened.sources, source), opened.parent)

    def relation(self, relation: pb.RangeVar, ctes: _Ctes) -> Source:
        alias = relation.alias.aliasname or relation.relname
        if not relation.schemaname and relation.relname in ctes:
            return Source(alias)
        self.relations.append(Source("", relation.schemaname, relation.relname))
        return Source(alias, relation.schemaname, relation.relname)

    def filter(
        self, node: pb.Node, ctes: _Ctes, scope: int, *, is_alternative: bool = False
    ) -> None:
        """Look through a condition: comparisons below AND and OR count."""
        if kind(node) == "bool_expr" and node.bool_expr.boolop != NOT:
            is_alternative = is_alternative or node.bool_expr.boolop != AND
            for part in node.bool_expr.args:
                self.filter(part, ctes, scope, is_alternative=is_alternative)
            return
        if kind(node) == "a_expr" and is_comparison(node.a_expr):
            self.compare(node.a_expr, scope, is_alternative=is_alternative)
        elif kind(node) == "sub_link" and node.sub_link.sub_link_type == SubLink.ANY:
            path = _column(node.sub_link.testexpr)
            self.note(path, Match.EQUALITY, scope, is_alternative=is_alternative)
        self.search((node,), ctes, scope)

    def compare(
        self, expression: pb.A_Expr, scope: int, *, is_alternative: bool
    ) -> None:
        left, right = _column(expression.lexpr), _column(expression.rexpr)
        if expression.kind != Expression.OPERATOR:
            right = ()
        match = Match.EQUALITY if is_equality(expression) else Match.RANGE
        if left and right:
            match = Match.JOIN
        for path, partner in ((left, right), (right, left)):
            self.note(path, match, scope, partner, is_alternative=is_alternative)

    def note(
        self,
        path: tuple[str, ...],
        match: Match,
        scope: int,
        partner: tuple[str, ...] = (),
        *,
        is_alternative: bool,
    ) -> None:
        if path:
            self.comparisons.append(
                Comparison(
                    path=path,
                    match=match,
                    scope=scope,
                    is_alternative=is_alternative,
                    partner=partner,
                )
            )

    def sort(self, key: pb.SortBy, scope: int, *, is_limited: bool) -> None:
        path = _column(key.node)
        if path:
            descending = key.sortby_dir == DESCENDING
            self.sorts.append(
                Sort(
                    path=path,
                    scope=scope,
                    is_descending=descending,
                    is_limited=is_limited,
                )
            )

    def search(self, found: Iterable[pb.Node], ctes: _Ctes, scope: int) -> None:
        """Look for sub-selects inside what is not itself a condition."""
        for node in found:
            if kind(node) in _STATEMENTS:
                self.statement(node, ctes, scope)
            else:
                self.search(inner(node), ctes, scope)


def _column(node: pb.Node) -> tuple[str, ...]:
    path = names(node.column_ref.fields) if kind(node) == "column_ref" else ()
    return () if path[-1:] == ("*",) else path
