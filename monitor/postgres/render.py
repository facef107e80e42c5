"""Turns an action's statement, a value, into SQL; nothing else composes any."""

from __future__ import annotations

from typing import LiteralString, cast

from psycopg import sql

from monitor.errors import ActionFailed
from monitor.model.action import Statement
from monitor.model.definition import concurrently

_STORED = ("CREATE INDEX CONCURRENTLY ", "CREATE UNIQUE INDEX CONCURRENTLY ")


Rendered = sql.Composed


def render(statement: Statement) -> Rendered:
    """Return the SQL of a statement: its template with names and literals filled in.

    Raises:
        ActionFailed: a stored definition is not one of an index.
    """
    if statement.stored:
        return sql.Composed([_stored(statement.stored)])
    paths = (sql.Identifier(*path) for path in statement.identifiers)
    literals = (sql.Literal(value) for value in statement.literals)
    return sql.SQL(statement.template).format(*paths, *literals)


def text(statement: Statement | None) -> str:
    """Return a statement's SQL as text, for the journal; empty for none."""
    return render(statement).as_string() if statement else ""


def rebuild(definition: str) -> Statement:
    """Return the statement that builds a dropped index again.

    Raises:
        ActionFailed: the stored definition is not one of an index.
    """
    stored = concurrently(definition)
    if not stored:
        raise ActionFailed("a stored definition is not that of an index")
    return Statement(stored=stored)


def _stored(definition: str) -> sql.SQL:
    if not definition.startswith(_STORED):
        raise ActionFailed("a stored definition is not that of an index")
    # One of the three audited casts. The text is pg_get_indexdef's own, read from
    # this server by us before the index was dropped; it is sent through the
    # extended protocol, which refuses a second statement.
    return sql.SQL(cast(LiteralString, definition))
