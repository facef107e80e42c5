"""Reduces a statement's syntax tree to what index advice needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.model.rls import Command
from monitor.sqltext.record import Record, column_of
from monitor.sqltext.syntax import Match, Outline, Source
from monitor.sqltext.tree import (
    AND,
    MERGING,
    NOT,
    UPSERT,
    SubLink,
    inner,
    is_comparison,
    kind,
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
    walk = _Walk()
    for statement in tree.stmts:
        walk.statement(statement.stmt, frozenset(), -1)
    return walk.found.outline(tuple(kind(each.stmt) for each in tree.stmts))


@dataclass(slots=True)
class _Walk:
    found: Record = field(default_factory=Record)

    def statement(self, node: pb.Node, ctes: _Ctes, parent: int) -> None:
        match kind(node):
            case "select_stmt":
                self.select(node.select_stmt, ctes, parent)
            case "insert_stmt":
                self.insert(node.insert_stmt, ctes, parent)
            case "update_stmt":
                self.update(node.update_stmt, ctes, parent)
            case "delete_stmt":
                self.delete(node.delete_stmt, ctes, parent)
            case "merge_stmt":
                self.merge(node.merge_stmt, ctes, parent)
            case "copy_stmt":
                self.copy(node.copy_stmt, ctes, parent)
            case _:
                self.search((node,), ctes, parent)

    def select(self, select: pb.SelectStmt, ctes: _Ctes, parent: int) -> None:
        ctes = self.with_clause(select.with_clause, ctes, parent)
        if select.HasField("larg"):
            self.select(select.larg, ctes, parent)
            self.select(select.rarg, ctes, parent)
            self.limits(select, ctes, parent)
            return
        scope = self.open(select.from_clause, ctes, parent)
        self.filter(select.where_clause, ctes, scope)
        for expressions in (
            select.target_list,
            select.values_lists,
            select.group_clause,
            (select.having_clause,),
            select.window_clause,
            select.distinct_clause,
        ):
            self.search(expressions, ctes, scope)
        if select.locking_clause:
            # Rows to be locked must pass the policies for UPDATE as well.
            self.found.use_all(scope, "update")
        for key in select.sort_clause:
            self.found.sort(
                key.sort_by, scope, is_limited=select.HasField("limit_count")
            )
        self.limits(select, ctes, scope)

    def limits(self, select: pb.SelectStmt, ctes: _Ctes, scope: int) -> None:
        self.search(select.sort_clause, ctes, scope)
        self.search((select.limit_count, select.limit_offset), ctes, scope)

    def insert(self, insert: pb.InsertStmt, ctes: _Ctes, parent: int) -> None:
        ctes = self.with_clause(insert.with_clause, ctes, parent)
        conflict = insert.on_conflict_clause
        commands: list[Command] = ["insert"]
        if conflict.action == UPSERT:
            commands.extend(("update", "select"))
        if insert.HasField("returning_clause"):
            commands.append("select")
        scope = self.write(insert.relation, commands, (), ctes, parent)
        self.statement(insert.select_stmt, ctes, parent)
        self.search(conflict.target_list, ctes, scope)
        self.search((conflict.where_clause,), ctes, scope)
        self.search(insert.returning_clause.exprs, ctes, scope)

    def update(self, update: pb.UpdateStmt, ctes: _Ctes, parent: int) -> None:
        ctes = self.with_clause(update.with_clause, ctes, parent)
        commands: tuple[Command, ...] = ("update", "select")
        sources = update.from_clause
        scope = self.write(update.relation, commands, sources, ctes, parent)
        self.search(update.target_list, ctes, scope)
        self.filter(update.where_clause, ctes, scope)
        self.search(update.returning_clause.exprs, ctes, scope)

    def delete(self, delete: pb.DeleteStmt, ctes: _Ctes, parent: int) -> None:
        ctes = self.with_clause(delete.with_clause, ctes, parent)
        commands: tuple[Command, ...] = ("delete", "select")
        sources = delete.using_clause
        scope = self.write(delete.relation, commands, sources, ctes, parent)
        self.filter(delete.where_clause, ctes, scope)
        self.search(delete.returning_clause.exprs, ctes, scope)

    def merge(self, merge: pb.MergeStmt, ctes: _Ctes, parent: int) -> None:
        ctes = self.with_clause(merge.with_clause, ctes, parent)
        commands: list[Command] = ["select"]
        for node in merge.merge_when_clauses:
            command = MERGING.get(node.merge_when_clause.command_type)
            commands += (command,) if command else ()
        sources = (merge.source_relation,)
        scope = self.write(merge.relation, commands, sources, ctes, parent)
        self.filter(merge.join_condition, ctes, scope)
        self.search(merge.merge_when_clauses, ctes, scope)
        self.search(merge.returning_clause.exprs, ctes, scope)

    def copy(self, copy: pb.CopyStmt, ctes: _Ctes, parent: int) -> None:
        if copy.HasField("relation"):
            command: Command = "insert" if copy.is_from else "select"
            named = copy.relation
            self.found.use(named.schemaname, named.relname, command)
        self.search((copy.query, copy.where_clause), ctes, parent)

    def write(
        self,
        relation: pb.RangeVar,
        commands: Iterable[Command],
        others: Iterable[pb.Node],
        ctes: _Ctes,
        parent: int,
    ) -> int:
        # The target of a write is never a CTE, even if one has its name.
        target = self.found.relation(relation, frozenset(), commands)
        self.found.written.append(Source("", target.schema, target.name))
        return self.open(others, ctes, parent, target)

    def with_clause(self, clause: pb.WithClause, ctes: _Ctes, parent: int) -> _Ctes:
        defined = frozenset(node.common_table_expr.ctename for node in clause.ctes)
        for node in clause.ctes:
            # RECURSIVE lets a query name those that follow, not only itself.
            visible = ctes | defined if clause.recursive else ctes
            self.statement(node.common_table_expr.ctequery, visible, parent)
            ctes |= {node.common_table_expr.ctename}
        return ctes

    def open(
        self, clause: Iterable[pb.Node], ctes: _Ctes, parent: int, *first: Source
    ) -> int:
        """Register a FROM list as a scope and look through its conditions."""
        number = self.found.open(parent, *first)
        for item in clause:
            self.source(item, ctes, number)
        return number

    def source(self, node: pb.Node, ctes: _Ctes, scope: int) -> None:
        match kind(node):
            case "range_var":
                self.found.add(scope, self.found.relation(node.range_var, ctes))
            case "join_expr":
                self.source(node.join_expr.larg, ctes, scope)
                self.source(node.join_expr.rarg, ctes, scope)
                self.filter(node.join_expr.quals, ctes, scope)
            case "range_table_sample":
                self.source(node.range_table_sample.relation, ctes, scope)
                self.search(node.range_table_sample.args, ctes, scope)
            case "range_subselect":
                derived = node.range_subselect
                outer = scope if derived.lateral else self.found.scopes[scope].parent
                self.statement(derived.subquery, ctes, outer)
                self.found.add(scope, Source(derived.alias.aliasname))
            case "range_function":
                self.found.add(scope, Source(node.range_function.alias.aliasname))
                self.search(inner(node.range_function), ctes, scope)
            case _:
                self.found.add(scope, Source(""))
                self.search((node,), ctes, scope)

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
            self.found.compare(node.a_expr, scope, is_alternative=is_alternative)
        elif kind(node) == "sub_link" and node.sub_link.sub_link_type == SubLink.ANY:
            path = column_of(node.sub_link.testexpr)
            self.found.note(path, Match.EQUALITY, scope, is_alternative=is_alternative)
        self.search((node,), ctes, scope)

    def search(self, found: Iterable[pb.Node], ctes: _Ctes, scope: int) -> None:
        """Look for sub-selects and calls inside what is not itself a condition."""
        for node in found:
            if kind(node) in _STATEMENTS:
                self.statement(node, ctes, scope)
                continue
            if kind(node) == "func_call":
                self.found.call(node.func_call)
            self.search(inner(node), ctes, scope)
