"""What the platform in a database consists of, as lines that can be compared."""

from __future__ import annotations

from functools import cache

import psycopg

from monitor import resources
from monitor.errors import MigrationError
from monitor.postgres.bookkeeping import Connection
from monitor.postgres.translate import translate


async def read(connection: Connection) -> tuple[str, ...]:
    """Return one line for each object, column, rule and privilege, in fixed order.

    The connection's search_path is that of all our sessions.

    Raises:
        MigrationError: it cannot be read; without schema monitoring, for instance.
    """
    try:
        cursor = await connection.execute(_query().encode())
        return tuple(line for (line,) in await cursor.fetchall())
    except psycopg.Error as error:
        told = translate(error, what="read the platform's manifest")
        raise MigrationError(told.message, detail=told.detail) from error


@cache
def _query() -> str:
    path = resources.directory("sql") / "platform" / "manifest.sql"
    return path.read_text("utf-8")
