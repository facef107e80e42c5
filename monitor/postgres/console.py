"""PgBouncer's admin console: a connection that speaks the simple protocol only."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence

import psycopg
from psycopg.conninfo import make_conninfo

from monitor.errors import TargetUnreachable
from monitor.model.target import Credentials
from monitor.postgres.connect import parse
from monitor.postgres.deadline import bounded
from monitor.postgres.password import read_password
from monitor.postgres.request import Reply, Request

CONNECT_SECONDS = 3


async def ask(
    credentials: Credentials, requests: Sequence[Request], *, seconds: float
) -> tuple[Reply, ...]:
    """Ask the console, in a connection of its own: it is no server's connection.

    Raises:
        TargetUnreachable: it cannot be connected to, or refuses us.
        QueryTimedOut: it did not answer in time.
    """
    async with _connected(credentials) as connection:
        try:
            return tuple(
                [
                    await bounded(
                        connection, _ask(connection, each), seconds=seconds, grace=0.0
                    )
                    for each in requests
                ]
            )
        except psycopg.Error as error:
            raise TargetUnreachable("could not ask PgBouncer's console") from error


@contextlib.asynccontextmanager
async def _connected(
    credentials: Credentials,
) -> AsyncGenerator[psycopg.AsyncConnection[object]]:
    parts = parse(credentials.conninfo)
    password = await read_password(credentials)
    if password is not None:
        parts["password"] = password
    parts.setdefault("dbname", "pgbouncer")
    try:
        connection = await psycopg.AsyncConnection.connect(
            make_conninfo("", **parts, connect_timeout=CONNECT_SECONDS),
            autocommit=True,
            prepare_threshold=None,
        )
    except psycopg.Error as error:
        raise TargetUnreachable("could not connect to PgBouncer's console") from error
    try:
        yield connection
    finally:
        await connection.close()


async def _ask(connection: psycopg.AsyncConnection[object], request: Request) -> Reply:
    cursor = psycopg.AsyncClientCursor(connection)
    await cursor.execute(request.sql)
    if cursor.description is None:
        raise TargetUnreachable("the console of PgBouncer gave no rows")
    return Reply(
        name=request.name,
        columns=tuple(column.name for column in cursor.description),
        types=tuple(column.type_code for column in cursor.description),
        rows=tuple(await cursor.fetchall()),
    )
