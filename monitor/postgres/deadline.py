"""A bound on every wait for a server, one that holds on a stalled path, too.

Cancelling a task of psycopg makes it ask the server to stop and wait for the
answer, so that `asyncio.wait_for(…, 1)` took 11 s behind a proxy that takes bytes
and passes nothing on. Here the wait ends first, and then the connection is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable
from typing import Any, TypeVar

import psycopg

from monitor.errors import QueryTimedOut

T = TypeVar("T")

GRACE_SECONDS = 0.5
# How long the driver may take to notice that its socket is shut; it takes 1 ms.
_ABORT_SECONDS = 1.0


async def bounded(
    connection: psycopg.AsyncConnection[Any],
    awaitable: Awaitable[T],
    *,
    seconds: float,
    grace: float = GRACE_SECONDS,
) -> T:
    """Return the result of an operation on a connection, in bounded time.

    After `seconds` the server is asked to cancel; an operation that ends within
    `grace` seconds of that leaves the connection usable. Otherwise the socket is
    shut down and the connection closed. A grace of 0 sends no cancel request.

    Raises:
        QueryTimedOut: it was cancelled, or the connection given up.
        psycopg.Error: the operation failed on its own.
    """
    task = asyncio.ensure_future(awaitable)
    try:
        if await _ends(task, seconds):
            return task.result()
        if grace > 0 and await _ends_when_cancelled(connection, task, grace):
            return _late_result(task, seconds)
        await abort(connection, task)
    except asyncio.CancelledError:
        await abort(connection, task)
        raise
    raise QueryTimedOut(
        f"gave up the connection: no answer within {seconds:g} s",
        hint="The server or the network between is stalled.",
    )


async def abort(
    connection: psycopg.AsyncConnection[Any], task: asyncio.Future[Any]
) -> None:
    """End a connection without using its protocol, and the task that waits on it."""
    hard_abort(connection)
    if not await _ends(task, _ABORT_SECONDS):
        task.cancel()
        task.add_done_callback(_retrieve)
        return
    _retrieve(task)
    with contextlib.suppress(psycopg.Error):
        await connection.close()


def hard_abort(connection: psycopg.AsyncConnection[Any]) -> None:
    """Shut a connection's socket down without blocking; whoever waits wakes up."""
    try:
        # The driver keeps its descriptor: closing that one would let the number be
        # reused while libpq still believes in it.
        duplicate = socket.socket(fileno=os.dup(connection.fileno()))
    except (psycopg.Error, OSError):
        return
    with duplicate, contextlib.suppress(OSError):
        duplicate.shutdown(socket.SHUT_RDWR)


async def _ends(task: asyncio.Future[Any], seconds: float) -> bool:
    done, _ = await asyncio.wait({task}, timeout=seconds)
    return bool(done)


async def _ends_when_cancelled(
    connection: psycopg.AsyncConnection[Any], task: asyncio.Future[Any], grace: float
) -> bool:
    # Both run at once: the request needs a connection of its own, which may stall.
    request = asyncio.ensure_future(connection.cancel_safe(timeout=grace))
    request.add_done_callback(_retrieve)
    try:
        return await _ends(task, grace)
    finally:
        request.cancel()


def _late_result(task: asyncio.Future[T], seconds: float) -> T:
    try:
        return task.result()
    except psycopg.errors.QueryCanceled as error:
        raise QueryTimedOut(f"cancelled after {seconds:g} s") from error


def _retrieve(task: asyncio.Future[Any]) -> None:
    """Read a task's outcome that nobody needs, or asyncio complains about it."""
    if not task.cancelled():
        task.exception()
