"""The bound on an operation that is used without a session."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.errors import QueryTimedOut
from monitor.postgres.deadline import bounded

Admin = psycopg.AsyncConnection[TupleRow]


async def test_result_in_time_is_returned(admin: Admin) -> None:
    cursor = await bounded(admin, admin.execute("select 1"), seconds=5)

    assert await cursor.fetchone() == (1,)


async def test_error_of_the_operation_is_passed_on(admin: Admin) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await bounded(admin, admin.execute("select 1 / 0"), seconds=5)


async def test_late_operation_is_cancelled_on_the_server(admin: Admin) -> None:
    with pytest.raises(QueryTimedOut, match=r"cancelled after 0\.1 s"):
        await bounded(admin, admin.execute("select pg_sleep(30)"), seconds=0.1)

    cursor = await admin.execute("select 1")
    assert await cursor.fetchone() == (1,)


async def test_result_within_the_grace_is_not_lost(admin: Admin) -> None:
    late = asyncio.sleep(0.3, result="late")

    assert await bounded(admin, late, seconds=0.05, grace=20) == "late"
    assert not admin.closed


async def test_without_grace_the_connection_is_closed(conninfo: str) -> None:
    connection = await psycopg.AsyncConnection.connect(conninfo)

    with pytest.raises(QueryTimedOut, match="gave up the connection"):
        await bounded(
            connection,
            connection.execute("select pg_sleep(30)"),
            seconds=0.1,
            grace=0,
        )

    assert connection.closed
