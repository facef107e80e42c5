"""Checks against real servers on which the cause really exists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import LiteralString

import psycopg
import pytest
from psycopg import errors
from psycopg.rows import TupleRow

from monitor.model.finding import Finding, ObjectRef, Severity
from monitor.model.target import Credentials
from tests.collecting import bench
from tests.judging import Court

Admin = psycopg.AsyncConnection[TupleRow]

TABLES: tuple[LiteralString, ...] = ("wasteful", "thrifty")
CATALOG = ("catalog", "catalog_definitions")


@asynccontextmanager
async def client(conninfo: str) -> AsyncGenerator[Admin]:
    async with await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True
    ) as connection:
        yield connection


@asynccontextmanager
async def court(reader: Credentials) -> AsyncGenerator[Court]:
    async with bench(reader) as at:
        yield Court(at)


def objects(found: tuple[Finding, ...]) -> list[ObjectRef]:
    return [finding.object for finding in found]


@pytest.mark.pg
@pytest.mark.requirement("S8.1.2-h")
async def test_a_blocked_backend_is_found_by_its_root(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    await admin.execute("create table t as select 1 as id")
    async with (
        court(reader) as at,
        client(conninfo) as holder,
        client(conninfo) as waiter,
    ):
        await holder.execute("begin")
        await holder.execute("update t set id = 2")
        waiting = asyncio.create_task(waiter.execute("update t set id = 3"))

        found = await at.await_finding("blocked_backends", "backends", warning=0.01)
        idle = at.judge("idle_in_transaction", warning=0.001)
        root = ObjectRef("backend", name=str(holder.info.backend_pid))
        await holder.execute("commit")
        await waiting

    assert objects(found) == [root]
    assert "blocks 1 backend" in found[0].summary
    assert root in objects(idle)


@pytest.mark.pg
@pytest.mark.requirement("S8.1.2-b")
async def test_slow_statements_are_found_and_fast_ones_end_it(
    reader: Credentials, admin: Admin
) -> None:
    levels = {"warning": 50, "critical": 500, "min_calls": 3}
    async with court(reader) as at:
        await at.read("stat_statements")
        for _ in range(3):
            await admin.execute("select pg_sleep(0.06)")
        slow = await at.await_finding("query_time", "stat_statements", **levels)

        for _ in range(300):
            await admin.execute("select 1")
        await at.read("stat_statements")
        fast = at.judge("query_time", **levels)

    assert [f.severity for f in slow] == [Severity.WARNING]
    assert fast == ()


@pytest.mark.pg
@pytest.mark.requirement("S8.1.2-h")
async def test_an_invalid_index_is_found(reader: Credentials, admin: Admin) -> None:
    await admin.execute("create table t as select 1 as id from generate_series(1, 2)")
    with suppress(errors.UniqueViolation):
        await admin.execute("create unique index concurrently broken on t (id)")
    await admin.execute("create index sound on t (id)")
    async with court(reader) as at:
        await at.read(*CATALOG)

        found = at.judge("invalid_index")

    assert objects(found) == [ObjectRef("index", "public", "broken")]


@pytest.mark.pg
@pytest.mark.requirement("S8.1.2-h")
async def test_a_sequence_near_the_end_of_its_column_is_found(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute("create table t (id smallserial, roomy bigserial)")
    await admin.execute(
        "select setval('t_id_seq', 30000), setval('t_roomy_seq', 30000)"
    )
    await admin.execute("grant select on all sequences in schema public to public")
    async with court(reader) as at:
        found = await at.await_finding("sequence_exhaustion", "sequences")

    assert objects(found) == [ObjectRef("sequence", "public", "t_id_seq")]
    assert found[0].severity is Severity.CRITICAL


@pytest.mark.pg
@pytest.mark.requirement("S8.1.2-e")
async def test_a_bloated_table_is_named_once_its_statistics_are_visible(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    await bloat(conninfo)
    levels = {"min_size_bytes": 1_000_000}
    async with court(reader) as at:
        await at.read(*CATALOG, "relation_size")
        hidden = at.judge("table_bloat", **levels)
        await admin.execute("grant select on wasteful, thrifty to public")
        seen = await at.await_finding("table_bloat", "relation_size", **levels)

    assert [f.severity for f in hidden] == [Severity.INFO]
    assert "because it may not read the tables" in hidden[0].unknowns[0]
    assert objects(seen) == [ObjectRef("table", "public", "wasteful")]
    assert seen[0].severity is Severity.CRITICAL


@pytest.mark.pg
@pytest.mark.requirement("S8.1.2-h")
async def test_dead_tuples_and_stale_statistics_are_found(
    reader: Credentials, conninfo: str
) -> None:
    await bloat(conninfo, vacuum=False)
    names = ("settings", *CATALOG, "stat_user_tables")
    levels = {"min_size_bytes": 1_000_000}
    async with court(reader) as at:
        dead = await at.await_finding("dead_tuples", *names, **levels)
        stale = at.judge("stale_statistics")

    table = ObjectRef("table", "public", "wasteful")
    assert objects(dead) == [table]
    assert "autovacuum is switched off for it" in dead[0].summary
    assert objects(stale) == [table]


async def bloat(conninfo: str, *, vacuum: bool = True) -> None:
    """Fill two tables and empty one of them.

    Each step has a session of its own: an idle one may keep what it counted.
    """
    async with client(conninfo) as admin:
        for table in TABLES:
            await admin.execute(
                f"""
                create table {table} with (autovacuum_enabled = false) as
                select i as id, repeat('x', 80) as text
                from generate_series(1, 50000) as i
                """
            )
    async with client(conninfo) as admin:
        for table in TABLES:
            await admin.execute(f"analyze {table}")
    async with client(conninfo) as admin:
        await admin.execute("delete from wasteful where id % 10 > 0 and id < 49990")
    if vacuum:
        async with client(conninfo) as admin:
            await admin.execute("vacuum analyze wasteful")


@pytest.mark.requirement("S8.1.2-h")
async def test_a_deadlock_is_counted(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    await admin.execute("create table t as select i as id from generate_series(1, 2) i")
    async with court(reader) as at:
        await at.read("stat_database")
        async with client(conninfo) as one, client(conninfo) as two:
            await deadlock(one, two)

        found = await at.await_finding("deadlocks", "stat_database")

    assert found[0].summary.startswith("1 deadlock in database")


async def deadlock(one: Admin, two: Admin) -> None:
    for connection, number in ((one, 1), (two, 2)):
        await connection.execute("set deadlock_timeout = '10ms'")
        await connection.execute("begin")
        await connection.execute("update t set id = id where id = %s", (number,))
    results = await asyncio.gather(
        one.execute("update t set id = id where id = 2"),
        two.execute("update t set id = id where id = 1"),
        return_exceptions=True,
    )
    assert [isinstance(r, errors.DeadlockDetected) for r in results].count(True) == 1
