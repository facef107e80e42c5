"""What policies cost an ordinary user: the specification's form beside ours.

`BENCH_ROWS` is the number of content items; there are twice as many conversations and
four times as many messages. `BENCH_SECONDS` bounds a statement under the
specification's form: one that is cut off counts as if it had ended then.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import psycopg
import pytest

from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.benchmarks import specified, workload
from tests.benchmarks.conftest import Say
from tests.platform import Connection, acting_as, create_database, install
from tests.platform_plans import POLICIES, conditions, explain, read_whole
from tests.platform_rows import ORDINARY, SUPER_ADMIN, Size, fill, user

ROWS = int(os.environ.get("BENCH_ROWS", "100000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "600"))
ROUNDS = 21
SIZE = Size(items=ROWS, conversations=2 * ROWS)
TOTALS = {
    "content_items": SIZE.items,
    "conversations": SIZE.conversations,
    "conversation_messages": SIZE.messages,
}

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def server() -> Iterator[ThrowawayServer]:
    with ThrowawayServer(workload.SETTINGS, binaries=servers.binaries(18)) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Timing:
    """What counting a table's rows gave and took; None where it was cut off."""

    rows: int | None
    seconds: float

    def __str__(self) -> str:
        if self.rows is None:
            return f"> {self.seconds * 1000:,.0f} ms"
        return f"{self.seconds * 1000:,.2f} ms"


@pytest.mark.timeout(3600)
@pytest.mark.requirement("S0-b")
async def test_policies(server: ThrowawayServer, say: Say) -> None:
    await create_database(server, "policies")
    await install(server.conninfo("policies"), "superuser")
    async with await psycopg.AsyncConnection.connect(
        server.conninfo("policies"), autocommit=True
    ) as connection:
        await fill(connection, SIZE)
        await specified.lay_down(connection)
        say(
            f"\ncount(*) as an ordinary user, one of {SIZE.profiles:,}, "
            f"PostgreSQL {server_version(connection)}, median of {ROUNDS}; "
            "the specification's form once"
        )
        for table in POLICIES:
            await compare(connection, table, say)
        await say_override(connection, say)


async def compare(connection: Connection, table: str, say: Say) -> None:
    """Print both forms' times on a table, and hold ours to its plan and its rows."""
    theirs = await timed(connection, f"specified.{table}", ORDINARY)
    ours = [await timed(connection, f"public.{table}", ORDINARY) for _ in range(ROUNDS)]
    every = [
        await timed(connection, f"public.{table}", SUPER_ADMIN) for _ in range(ROUNDS)
    ]
    usual = Timing(ours[0].rows, median(one.seconds for one in ours))
    all_of_it = Timing(every[0].rows, median(one.seconds for one in every))
    say(
        f"  {table:<22}{TOTALS[table]:>9,} rows  specified {theirs!s:>14} "
        f"({theirs.rows} visible)  ours {usual!s:>9} ({usual.rows} visible)  "
        f"{theirs.seconds / usual.seconds:,.0f} x  super admin {all_of_it}"
    )
    async with acting_as(connection, user(ORDINARY)):
        plan = await explain(connection, f"public.{table}")

    assert read_whole(plan, table) == set()
    assert re.search(rf"\b{POLICIES[table]} (=|>=) ", conditions(plan))
    assert 0 < (usual.rows or 0) < TOTALS[table] / 100
    assert all_of_it.rows == TOTALS[table]


async def timed(connection: Connection, table: str, number: int) -> Timing:
    """Count a table's rows as a user, within the bound."""
    async with acting_as(connection, user(number)):
        await connection.execute(
            "select set_config('statement_timeout', %s, true)",
            [str(round(SECONDS * 1000))],
        )
        try:
            # A savepoint: what surrounds it ends as usual.
            async with connection.transaction():
                started = time.perf_counter()
                cursor = await connection.execute(
                    f"select count(*) from {table}".encode()
                )
                taken = time.perf_counter() - started
                row = await cursor.fetchone()
        except psycopg.errors.QueryCanceled:
            return Timing(None, SECONDS)
    assert row is not None
    return Timing(row[0], taken)


async def say_override(connection: Connection, say: Say) -> None:
    """Print what the override for super admins would add, call by call."""
    async with acting_as(connection, user(ORDINARY)):
        started = time.perf_counter()
        await connection.execute("select specified.is_super_admin()")
        taken = time.perf_counter() - started
    say(
        "  not counted, the specification's override for super admins: "
        f"{taken * 1000:,.1f} ms a call and row, {taken * ROWS:,.0f} s for {ROWS:,} "
        "rows (extrapolated)"
    )


def server_version(connection: Connection) -> int:
    return connection.info.server_version // 10000
