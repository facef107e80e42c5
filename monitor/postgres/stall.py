"""A bound on work of any length that has to get on, such as copying a table out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import psycopg

from monitor.errors import QueryTimedOut
from monitor.postgres.deadline import abort

T = TypeVar("T")


async def advancing(
    connection: psycopg.AsyncConnection[Any],
    work: Coroutine[Any, Any, T],
    progress: Callable[[], int],
    *,
    seconds: float,
) -> T:
    """Return the result of work on a connection that must not stand still.

    `progress` returns a number that changes whenever the work gets on. Where it is
    the same after `seconds`, the socket is shut down and the connection closed.

    Raises:
        QueryTimedOut: the work stood still, and the connection was given up.
        psycopg.Error: the work failed on its own.
    """
    task = asyncio.ensure_future(work)
    try:
        reached = progress()
        while not (await asyncio.wait({task}, timeout=seconds))[0]:
            if progress() == reached:
                await abort(connection, task)
                raise QueryTimedOut(
                    f"gave up the connection: no progress within {seconds:g} s",
                    hint="The server or the network between is stalled.",
                )
            reached = progress()
        return task.result()
    except asyncio.CancelledError:
        await abort(connection, task)
        raise
