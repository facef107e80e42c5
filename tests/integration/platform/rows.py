"""Rows that the platform's tests need, and short ways to ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from tests.platform import Connection

Failure = TypeVar("Failure", bound=psycopg.Error)


async def rows(
    connection: Connection, query: LiteralString, *parameters: object
) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    return await (await connection.execute(query, parameters or None)).fetchall()


async def scalar(
    connection: Connection, query: LiteralString, *parameters: object
) -> Any:
    """Return the first column of the only row."""
    found = await rows(connection, query, *parameters)
    assert len(found) == 1
    return found[0][0]


@asynccontextmanager
async def refused(
    connection: Connection, error: type[Failure], constraint: str | None = None
) -> AsyncGenerator[pytest.ExceptionInfo[Failure]]:
    """Expect what is within to fail and be undone; check the constraint's name."""
    with pytest.raises(error) as raised:
        async with connection.transaction():
            yield raised
    if constraint is not None:
        assert raised.value.diag.constraint_name == constraint


async def add_item(
    connection: Connection,
    author: UUID,
    *,
    repository: str = "documents",
    status: str = "draft",
    organization: UUID | None = None,
) -> UUID:
    """Create a content item and return its id."""
    return await scalar(
        connection,
        """
        insert into public.content_items (
            repository_id,
            title,
            status,
            created_by,
            organization_id
        )
        select
            r.id,
            'A title',
            %s::public.content_status,
            %s,
            %s
        from public.content_repositories as r
        where r.name = %s
        returning id
        """,
        status,
        author,
        organization,
        repository,
    )


async def add_child(
    connection: Connection, name: str, parent: UUID | None = None
) -> UUID:
    """Create an organization below another one and return its id."""
    return await scalar(
        connection,
        "insert into public.organizations (name, display_name, parent_id)"
        " values (%s, %s, %s) returning id",
        name,
        name,
        parent,
    )


async def add_conversation(connection: Connection, user: UUID) -> UUID:
    """Create a conversation and return its id."""
    return await scalar(
        connection,
        "insert into public.conversations (user_id) values (%s) returning id",
        user,
    )


async def say(connection: Connection, conversation: UUID, **columns: object) -> int:
    """Add a message and return its number."""
    values = {
        "conversation_id": conversation,
        "role": "user",
        "content": "hello",
        **columns,
    }
    query = sql.SQL(
        "insert into public.conversation_messages ({}) values ({})"
        " returning sequence_number"
    ).format(
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
    )
    row = await (await connection.execute(query, values)).fetchone()
    assert row is not None
    return row[0]


async def until_blocked(connection: Connection) -> None:
    """Return once a backend waits for a lock in this database's server."""
    waiting = 0
    while not waiting:
        await asyncio.sleep(0.02)
        waiting = await scalar(
            connection,
            "select count(*) from pg_catalog.pg_stat_activity"
            " where datname = pg_catalog.current_database()"
            " and wait_event_type = 'Lock'",
        )
