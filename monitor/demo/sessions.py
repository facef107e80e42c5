"""Sessions that misbehave: one forgets its transaction, one waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import LiteralString

import psycopg

_RECONNECT_SECONDS = 1.0
_HOLD: LiteralString = (
    "update app.inventory set quantity = quantity - 1 where product_id = 1"
)


async def misbehave(conninfo: str) -> None:
    """Hold a row lock in an idle transaction and another session behind it.

    Runs until it is cancelled; the sessions end with it.
    """
    while True:
        with contextlib.suppress(psycopg.Error):
            await _misbehave(conninfo)
        # The server may be restarting; that is part of a demo, too.
        await asyncio.sleep(_RECONNECT_SECONDS)


async def _misbehave(conninfo: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        forgetful = await _open(stack, conninfo, "checkout")
        await forgetful.execute("begin")
        await forgetful.execute("set local role service_role")
        await forgetful.execute(_HOLD)
        waiting = await _open(stack, conninfo, "stock-sync")
        await waiting.execute("set role service_role")
        await waiting.execute(_HOLD)


async def _open(
    stack: contextlib.AsyncExitStack, conninfo: str, application_name: str
) -> psycopg.AsyncConnection[tuple[object, ...]]:
    connection = await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True, application_name=application_name
    )
    # Not its own context manager, which would end the transaction politely.
    stack.push_async_callback(connection.close)
    return connection
