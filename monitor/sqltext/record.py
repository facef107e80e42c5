"""Takes down what a walk through a statement's tree comes across."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.model.rls import Command
from monitor.sqltext.syntax import (
    Comparison,
    Match,
    Outline,
    Scope,
    Sort,
    Source,
    Use,
)
from monitor.sqltext.tree import DESCENDING, Expression, is_equality, kind, names

if TYPE_CHECKING:
    from postgast import pg_query_pb2 as pb


@dataclass(slots=True)
class Record:
    """Relations, scopes, comparisons and sort keys, in the order of the walk."""

    relations: list[Source] = field(default_factory=list[Source])
    written: list[Source] = field(default_factory=list[Source])
    uses: list[Use] = field(default_factory=list[Use])
    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    scopes: list[Scope] = field(default_factory=list[Scope])
    comparisons: list[Comparison] = field(default_factory=list[Comparison])
    sorts: list[Sort] = field(default_factory=list[Sort])

    def outline(self, kinds: tuple[str, ...]) -> Outline:
        """Return everything, each once; `kinds` are those of the statements."""
        return Outline(
            kinds=kinds,
            relations=tuple(dict.fromkeys(self.relations)),
            written=tuple(dict.fromkeys(self.written)),
            uses=tuple(dict.fromkeys(self.uses)),
            calls=tuple(dict.fromkeys(self.calls)),
            scopes=tuple(self.scopes),
            comparisons=tuple(dict.fromkeys(self.comparisons)),
            sorts=tuple(dict.fromkeys(self.sorts)),
        )

    def open(self, parent: int, *first: Source) -> int:
        """Begin a scope inside another one and return its number."""
        self.scopes.append(Scope(first, parent))
        return len(self.scopes) - 1

    def call(self, call: pb.FuncCall) -> None:
        """Note a function that is called."""
        *schema, name = names(call.funcname)
        self.calls.append((schema[-1] if schema else "", name))

    def use(self, schema: str, name: str, command: Command) -> None:
        """Note what is done to a relation."""
        self.uses.append(Use(schema, name, command))

    def use_all(self, scope: int, command: Command) -> None:
        """Note what is done to every relation of a scope."""
        for source in self.scopes[scope].sources:
            if source.name:
                self.use(source.schema, source.name, command)

    def add(self, scope: int, source: Source) -> None:
        """Add a source to a scope."""
        opened = self.scopes[scope]
        self.scopes[scope] = Scope((*opened.sources, source), opened.parent)

    def relation(
        self,
        relation: pb.RangeVar,
        ctes: frozenset[str],
        commands: Iterable[Command] = ("select",),
    ) -> Source:
        """Note a relation and its uses, unless it is a CTE; return the source."""
        alias = relation.alias.aliasname or relation.relname
        if not relation.schemaname and relation.relname in ctes:
            return Source(alias)
        schema, name = relation.schemaname, relation.relname
        self.relations.append(Source("", schema, name))
        for command in commands:
            self.use(schema, name, command)
        return Source(alias, schema, name)

    def compare(
        self, expression: pb.A_Expr, scope: int, *, is_alternative: bool
    ) -> None:
        """Note a comparison for each side that is a bare column."""
        left, right = column_of(expression.lexpr), column_of(expression.rexpr)
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
        """Note a comparison of a column; an empty path is none."""
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
        """Note a sort key that is a bare column."""
        path = column_of(key.node)
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


def column_of(node: pb.Node) -> tuple[str, ...]:
    """Return the dotted name of a bare column; empty for anything else."""
    path = names(node.column_ref.fields) if kind(node) == "column_ref" else ()
    return () if path[-1:] == ("*",) else path
