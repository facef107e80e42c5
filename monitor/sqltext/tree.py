"""The SQL parser behind two functions, loaded only when something is parsed.

libpg_query follows PostgreSQL 18's grammar. Importing it costs about 14 MB, so a
daemon whose checks need no syntax never pays; types come from the stubs alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

from monitor.model.rls import Command

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from postgast import pg_query_pb2 as pb

MAX_CHARACTERS = 100_000
"""Longer texts are generated value lists; parsing them costs more than it tells."""


class SubLink(IntEnum):
    """Kinds of sub-select, numbered as in libpg_query's protobuf."""

    EXISTS = 1
    ALL = 2
    ANY = 3
    ROW_COMPARE = 4
    SCALAR = 5
    ARRAY = 7


class Expression(IntEnum):
    """Kinds of operator expression, numbered as in libpg_query's protobuf."""

    OPERATOR = 1
    OPERATOR_ANY = 2
    OPERATOR_ALL = 3
    IN = 7
    BETWEEN = 11


AND = 1
NOT = 3
"""BoolExpr.boolop of a conjunction and of a negation."""

UPSERT = 3
"""OnConflictClause.action of DO UPDATE."""

MERGING: Mapping[int, Command] = {3: "update", 4: "insert", 5: "delete"}
"""MergeWhenClause.command_type; DO NOTHING has none."""

DESCENDING = 3
"""SortBy.sortby_dir of DESC."""

_EQUALITIES = (Expression.OPERATOR, Expression.OPERATOR_ANY, Expression.IN)


class _Parser(Protocol):
    def parse(self, query: str) -> pb.ParseResult:
        """Return the syntax tree."""
        ...

    def fingerprint(self, query: str) -> str:
        """Return the 16 hexadecimal digits of the fingerprint."""
        ...


def parse(text: str) -> pb.ParseResult | None:
    """Return the syntax tree of a text; None means "not analysed".

    pg_stat_statements stores `date '2024-01-01'` as `date $1`: the server refuses
    that, this parser takes it. None for anything the parser refuses, for nesting
    deeper than its transport allows, and for oversized or broken text.
    """
    if not text.strip() or len(text) > MAX_CHARACTERS or "\x00" in text:
        return None
    module, refused = _parser()
    try:
        return module.parse(text)
    except refused:
        return None


def parse_expression(text: str) -> pb.Node | None:
    """Return the tree of one expression, as `pg_get_expr` prints it; None as above."""
    tree = parse(f"select ({text})")
    if tree is None or len(tree.stmts) != 1:
        return None
    targets = tree.stmts[0].stmt.select_stmt.target_list
    return targets[0].res_target.val if len(targets) == 1 else None


def fingerprint(text: str) -> str | None:
    """Return the text's fingerprint, equal for texts that differ in literals only.

    None when the text was not analysed.
    """
    if parse(text) is None:
        return None
    module, _ = _parser()
    return module.fingerprint(text)


def nodes(message: Message) -> Iterator[pb.Node]:
    """Yield every node below a message, outer before inner, in reading order."""
    for node in inner(message):
        yield node
        yield from nodes(node)


def inner(message: Message) -> Iterator[pb.Node]:
    """Yield the nearest nodes below a message."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        for child in value if descriptor.is_repeated else (value,):
            if child.DESCRIPTOR.name == "Node":
                yield cast("pb.Node", child)
            else:
                yield from inner(child)


def kind(node: pb.Node) -> str:
    """Return which node this is (`column_ref`, `func_call`, …), empty for none."""
    return node.WhichOneof("node") or ""


def names(parts: Iterable[pb.Node]) -> tuple[str, ...]:
    """Return the words of a dotted name; `*` for a star."""
    return tuple(p.string.sval if kind(p) == "string" else "*" for p in parts)


def has_column(message: Message) -> bool:
    """Say whether a message, or anything below it, depends on a row."""
    if "column_ref" in message.DESCRIPTOR.fields_by_name and message.HasField(
        "column_ref"
    ):
        return True
    return any(kind(node) == "column_ref" for node in nodes(message))


def is_equality(expression: pb.A_Expr) -> bool:
    """Say whether it is `a = b`, `a in (…)` or `a = any (…)`."""
    return names(expression.name)[-1:] == ("=",) and expression.kind in _EQUALITIES


def is_comparison(expression: pb.A_Expr) -> bool:
    """Say whether a btree could serve it: an equality, a range or BETWEEN."""
    if expression.kind == Expression.BETWEEN or is_equality(expression):
        return True
    is_range = names(expression.name)[-1:] in (("<",), ("<=",), (">",), (">=",))
    return is_range and expression.kind == Expression.OPERATOR


@cache
def _parser() -> tuple[_Parser, tuple[type[Exception], ...]]:
    # Deep nesting parses but does not survive the protobuf transport: DecodeError.
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - loaded lazily
    from postgast import PgQueryError  # noqa: PLC0415 - loaded lazily
    from postgast.fingerprint import fingerprint as digest  # noqa: PLC0415
    from postgast.parse import parse as read  # noqa: PLC0415

    class Parser:
        def parse(self, query: str) -> pb.ParseResult:
            return read(query)

        def fingerprint(self, query: str) -> str:
            return digest(query).hex

    return Parser(), (PgQueryError, DecodeError, UnicodeEncodeError)
