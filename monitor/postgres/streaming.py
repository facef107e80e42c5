"""Streams rows as JSON lines out of one snapshot, for as long as they keep coming."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, LiteralString, Protocol

import psycopg
from psycopg import sql

from monitor.postgres import organization_sections as sections
from monitor.postgres.request import Parameters
from monitor.postgres.session import Session
from monitor.postgres.stall import advancing
from monitor.postgres.translate import translate

STALL_SECONDS = 60.0
"""How long the server may be silent; the first row of a section takes longest."""

STEP_SECONDS = 30.0
"""How long each statement beside the rows may take."""


class Sink(Protocol):
    """Where a section goes. `size_bytes` is how much of it was written so far."""

    @property
    def size_bytes(self) -> int:
        """Return the number of bytes written."""
        ...

    def write(self, lines: bytes) -> None:
        """Write whole lines."""
        ...


OpenSection = Callable[[str], AbstractContextManager[Sink]]


@asynccontextmanager
async def one_snapshot(session: Session) -> AsyncGenerator[None]:
    """Read in one snapshot, in which rows that a policy would hide are an error."""
    for request in sections.BEGIN:
        await session.run(request, seconds=STEP_SECONDS)
    try:
        yield
    finally:
        if session.is_open:
            await session.run(sections.END, seconds=STEP_SECONDS)


async def while_growing(
    session: Session,
    writing: Coroutine[Any, Any, None],
    sink: Sink,
    *,
    seconds: float,
    what: str,
) -> None:
    """Let a section be written for as long as its sink grows.

    Raises:
        QueryTimedOut: nothing came for `seconds`; the connection was given up.
        TargetError: the server failed.
    """
    try:
        await advancing(
            session.connection, writing, lambda: sink.size_bytes, seconds=seconds
        )
    except psycopg.Error as error:
        raise translate(error, what=what) from error


async def copy_lines(
    session: Session,
    statement: LiteralString | sql.Composed,
    parameters: Parameters,
    sink: Sink,
) -> None:
    """Write what a COPY of one JSON column gives to a sink, never all of it at once.

    Raises:
        psycopg.Error: the server failed.
    """
    async with (
        session.connection.cursor() as cursor,
        cursor.copy(statement, parameters) as copy,
    ):
        while lines := await copy.read():
            # COPY doubles backslashes. It would escape control characters as well,
            # but JSON has escaped those already.
            sink.write(bytes(lines).replace(b"\\\\", b"\\"))
