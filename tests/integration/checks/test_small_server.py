"""Checks that need a server set up for failure: tiny, and unable to archive."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest

from monitor.model.finding import ObjectRef, Severity
from monitor.model.target import Credentials
from monitor.postgres.throwaway import ThrowawayServer
from tests.collecting import bench
from tests.judging import Court
from tests.servers import binaries

SETTINGS = {
    "max_connections": "20",
    "superuser_reserved_connections": "3",
    "shared_buffers": "128kB",
    "archive_mode": "on",
    "archive_command": "false",
    "autovacuum": "off",
}


@pytest.fixture(scope="module")
def small() -> Iterator[ThrowawayServer]:
    with ThrowawayServer(settings=SETTINGS, binaries=binaries(18)) as server:
        yield server


@asynccontextmanager
async def court(server: ThrowawayServer) -> AsyncGenerator[Court]:
    async with bench(Credentials(conninfo=server.conninfo())) as at:
        yield Court(at)


@pytest.mark.requirement("S8.1.2-c")
@pytest.mark.parametrize(
    ("clients", "severities"),
    [(12, []), (16, [Severity.WARNING]), (17, [Severity.CRITICAL])],
)
async def test_open_connections_are_held_against_the_usable_slots(
    small: ThrowawayServer, clients: int, severities: list[Severity]
) -> None:
    async with AsyncExitStack() as stack:
        at = await stack.enter_async_context(court(small))
        for _ in range(clients - 1):
            await stack.enter_async_context(
                await psycopg.AsyncConnection.connect(small.conninfo())
            )
        await at.read("settings", "stat_activity")

        found = at.judge("connection_slots")

    assert [f.severity for f in found] == severities


@pytest.mark.requirement("S8.1.2-d")
async def test_a_table_larger_than_the_cache_lowers_the_hit_ratio(
    small: ThrowawayServer,
) -> None:
    async with court(small) as at:
        async with await psycopg.AsyncConnection.connect(
            small.conninfo(), autocommit=True
        ) as admin:
            await admin.execute(
                "create table wide as select repeat('x', 1000) as text "
                "from generate_series(1, 20000)"
            )
            await admin.execute("vacuum wide")
            await at.read("stat_database")
            await admin.execute("select count(*) from wide")
            await admin.execute("drop table wide")

        found = await at.await_finding("cache_hit", "stat_database")

    assert [f.severity for f in found] == [Severity.CRITICAL]


@pytest.mark.requirement("S8.1.2-h")
async def test_failing_to_archive_is_critical_when_it_never_worked(
    small: ThrowawayServer,
) -> None:
    async with court(small) as at:
        async with await psycopg.AsyncConnection.connect(
            small.conninfo(), autocommit=True
        ) as admin:
            await admin.execute("create table t as select 1 as id")
            await admin.execute("select pg_switch_wal()")
            await admin.execute("drop table t")

        found = await at.await_finding("archiver_failing", "stat_archiver")

    assert [(f.object, f.severity) for f in found] == [
        (ObjectRef("server"), Severity.CRITICAL)
    ]
