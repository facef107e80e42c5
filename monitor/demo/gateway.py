"""Requests as an API gateway in front of PostgreSQL sends them.

Each is a transaction that takes a role, sets the user's claims, and runs a
statement.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

Connection = psycopg.AsyncConnection[TupleRow]

_PAUSE_SECONDS = (0.02, 0.15)
_RECONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """A statement with its values, and who sends it."""

    role: str
    user: uuid.UUID
    statement: LiteralString
    values: Mapping[str, object]


async def work(
    conninfo: str, name: str, choose: Callable[[random.Random], Request], seed: int
) -> None:
    """Send one request after the other on one connection until cancelled.

    The rate is bounded by pauses: a dozen requests a second.
    """
    dice = random.Random(seed)  # noqa: S311 - no secret
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                conninfo, autocommit=True, application_name=name
            ) as connection:
                while True:
                    await send(connection, choose(dice))
                    await asyncio.sleep(dice.uniform(*_PAUSE_SECONDS))
        except psycopg.Error:
            # The server may be restarting; that is part of a demo, too.
            await asyncio.sleep(_RECONNECT_SECONDS)


async def send(connection: Connection, request: Request) -> int:
    """Serve one request in a transaction of its own; return how many rows it met."""
    claims = {"sub": str(request.user), "role": request.role}
    async with connection.transaction():
        role = sql.Identifier(request.role)
        await connection.execute(sql.SQL("set local role {}").format(role))
        await connection.execute(
            "select pg_catalog.set_config('request.jwt.claims', %s, true)",
            [json.dumps(claims)],
        )
        cursor = await connection.execute(request.statement, request.values)
        return cursor.rowcount


def user_id(number: int) -> uuid.UUID:
    """Return the id of the n-th user, as SQL computes it: `md5(n::text)::uuid`."""
    digest = md5(str(number).encode(), usedforsecurity=False)
    return uuid.UUID(digest.hexdigest())
