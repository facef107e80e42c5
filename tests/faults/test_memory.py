"""A server on which nothing stays: caches keep their caps, memory its size."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from monitor.model.target import Credentials
from monitor.postgres.throwaway import ThrowawayServer
from monitor.runtime.history import CHECKPOINTS
from monitor.runtime.memory import MAX_TEXTS
from monitor.runtime.target_loop import TargetLoop
from tests.integration.runtime.loops import running, target_for, until
from tests.integration.runtime.test_target_loop import has_settled

pytestmark = [
    pytest.mark.fault,
    pytest.mark.promise(10),
    pytest.mark.timeout(180),
]

STATEMENTS = 500
WARM_UP_SECONDS = 20.0
CHURN_SECONDS = 40.0
MOST_GROWTH_MB = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[ThrowawayServer]:
    settings = {
        "pg_stat_statements.max": str(STATEMENTS),
        "autovacuum": "off",
        "track_activity_query_size": "102400",
    }
    with ThrowawayServer(settings) as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as admin:
            admin.execute("create extension pg_stat_statements")
            admin.execute("create role pgvigil_reader login password 'r'")
            admin.execute("grant pg_monitor to pgvigil_reader")
        yield server


class Churn:
    """Creates, uses and drops things that never had their names before."""

    def __init__(self, server: ThrowawayServer) -> None:
        self.rounds = 0
        self._server = server

    async def run(self) -> None:
        """Go on until cancelled; each round is a table, a role and 50 statements."""
        async with await psycopg.AsyncConnection.connect(
            self._server.conninfo(), autocommit=True
        ) as admin:
            while True:
                await self._round(admin)
                self.rounds += 1
                await asyncio.sleep(0)

    async def _round(self, admin: psycopg.AsyncConnection[object]) -> None:
        number = self.rounds
        padding = "x" * 2000
        names = {
            "table": sql.Identifier(f"table_{number}"),
            "column": sql.Identifier(f"column_{number}"),
            "role": sql.Identifier(f"role_{number}"),
            "gone": sql.Identifier(f"table_{number - 20}"),
            "left": sql.Identifier(f"role_{number - 20}"),
        }
        for template in (
            "create role {role}",
            "create table {table} ({column} int primary key, note text)",
            "create index on {table} (note, {column})",
            "create policy p on {table} to {role} using ({column} > 0)",
            "insert into {table} select generate_series(1, 50)",
            "select count(*) from {table} where {column} = 7",
            "drop table if exists {gone}",
            "drop role if exists {left}",
        ):
            await admin.execute(sql.SQL(template).format(**names))
        for column in range(50):
            statement = f'select {column} as "s_{number}_{column}_{padding}"'
            await admin.execute(statement.encode())
        if number % 40 == 0:
            name = sql.Identifier(f"database_{number}")
            await admin.execute(sql.SQL("create database {}").format(name))
            gone = sql.Identifier(f"database_{number - 40}")
            await admin.execute(
                sql.SQL("drop database if exists {} with (force)").format(gone)
            )


@contextlib.asynccontextmanager
async def churning(server: ThrowawayServer) -> AsyncGenerator[Churn]:
    churn = Churn(server)
    task = asyncio.create_task(churn.run())
    try:
        yield churn
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def resident_mb() -> float:
    """Return this process's resident memory."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def watch(loop: TargetLoop, seconds: float) -> float:
    """Render as the daemon does for a while; return the most memory seen."""
    end = time.monotonic() + seconds
    most = 0.0
    while time.monotonic() < end:
        page = loop.exporter.render(loop.memory.sheets())
        page.body(openmetrics=False, compressed=True)
        most = max(most, resident_mb())
        await asyncio.sleep(0.25)
    return most


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
async def test_nothing_grows_with_what_comes_and_goes(
    server: ThrowawayServer, capsys: pytest.CaptureFixture[str]
) -> None:
    credentials = Credentials(
        conninfo=server.conninfo(user="pgvigil_reader", password="r")
    )
    async with (
        running(target_for(credentials)) as loop,
        churning(server) as churn,
    ):
        await until(lambda: has_settled(loop))
        before = await watch(loop, WARM_UP_SECONDS)
        sizes_before, rounds_before = loop.memory.sizes, churn.rounds
        after = await watch(loop, CHURN_SECONDS)
        sizes, rounds = loop.memory.sizes, churn.rounds

    with capsys.disabled():
        print(
            f"\n{rounds} rounds, {rounds_before} to warm up: "
            f"{before:.0f} to {after:.0f} MB; {sizes_before} to {sizes}"
        )
    assert rounds > 1.5 * rounds_before > 15
    assert sizes["texts"] <= MAX_TEXTS
    # Some tables, indexes and roles are there at any moment, not those of the past.
    for kind in ("roles", "databases", "relations", "policies", "windows", "histories"):
        assert sizes[kind] <= 1.5 * sizes_before[kind] + 20, kind
    assert sizes["rows"] <= 1.5 * sizes_before["rows"] + 200
    assert sizes["checkpoints"] <= (CHECKPOINTS + 1) * sizes["histories"]
    assert after - before < MOST_GROWTH_MB
