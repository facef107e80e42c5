"""One server under watch, for real."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from monitor.model.catalog import Catalog
from monitor.model.rows.stat_database import DatabaseRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.target import Credentials
from monitor.model.view import View
from monitor.postgres.throwaway import ThrowawayServer
from monitor.runtime.target_loop import TargetLoop
from tests.integration.runtime.loops import running, target_for, until

Admin = psycopg.AsyncConnection[TupleRow]

CREATE = SQL("create database {}")
DROP = SQL("drop database {} with (force)")
OWN_CONNECTIONS = """
select count(*) from pg_catalog.pg_stat_activity
where application_name like 'pgvigil/test/%'
"""


def view_of(loop: TargetLoop) -> View:
    server = loop.roster.server
    assert server is not None
    return loop.memory.view(server, datetime.now(UTC))


def has_settled(loop: TargetLoop) -> bool:
    """Say whether everything that can run has run, tables after the catalog, too."""
    return bool(loop.roster.statuses) and all(
        status.skipped or status.last_success for status in loop.roster.statuses
    )


@pytest.mark.pg
async def test_every_collector_runs_or_says_why_not(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute("create table orders (id int primary key)")
    async with running(target_for(reader)) as loop:
        await until(lambda: has_settled(loop))

        errors = {s.name: s.error for s in loop.roster.statuses if s.error}

    assert errors == {}


@pytest.mark.pg
async def test_tables_and_statements_arrive_with_their_catalog(
    reader: Credentials, admin: Admin, database: str
) -> None:
    await admin.execute("create table orders (id int primary key)")
    async with running(target_for(reader)) as loop:
        await until(lambda: bool(view_of_or_none(loop, database)))
        view = view_of(loop)

    names = {r.relname for r in view.catalogs[database].relations.values()}
    assert "orders" in names
    assert isinstance(view.catalogs[database], Catalog)
    assert view.rows(StatementRow)
    assert {row.datname for row in view.rows(DatabaseRow)} >= {database}


def view_of_or_none(loop: TargetLoop, database: str) -> bool:
    if loop.roster.server is None:
        return False
    view = view_of(loop)
    return bool(view.rows(TableRow, database) and view.rows(StatementRow))


async def test_work_shows_as_a_delta(
    reader: Credentials, admin: Admin, database: str
) -> None:
    await admin.execute("create table orders (id int)")

    def inserted(loop: TargetLoop) -> bool:
        if loop.roster.server is None:
            return False
        delta = view_of(loop).recent(TableRow, database)
        return delta is not None and any(r.n_tup_ins_total == 500 for r in delta.rows)

    async with running(target_for(reader)) as loop:
        await until(lambda: view_of_or_none(loop, database))
        await admin.execute("insert into orders select generate_series(1, 500)")

        await until(lambda: inserted(loop))


async def test_a_wrong_password_is_down_with_a_reason(reader: Credentials) -> None:
    wrong = replace(reader, conninfo=make_conninfo(reader.conninfo, password="no"))
    async with running(target_for(wrong)) as loop:
        await until(lambda: loop.has_tried)

        up, error = loop.up, loop.error

    assert not up
    assert error


@pytest.mark.promise(7)
@pytest.mark.requirement("X7")
async def test_the_default_budget_holds_with_many_databases(
    reader: Credentials, admin: Admin
) -> None:
    names = [f"budget_{number}" for number in range(6)]
    for name in names:
        await admin.execute(CREATE.format(Identifier(name)))
    counts: list[int] = []
    try:
        async with running(target_for(reader)) as loop:
            await until(lambda: len(loop.roster.databases) >= 7)
            for _ in range(40):
                cursor = await admin.execute(OWN_CONNECTIONS)
                row = await cursor.fetchone()
                counts.append(row[0] if row else 0)
                await asyncio.sleep(0.05)
    finally:
        for name in names:
            await admin.execute(DROP.format(Identifier(name)))

    assert max(counts) <= 3


async def test_a_server_that_stops_is_down_and_comes_back_up() -> None:
    with ThrowawayServer() as server:
        credentials = Credentials(conninfo=server.conninfo())
        async with running(target_for(credentials)) as loop:
            await until(lambda: loop.up)

            await asyncio.to_thread(server.stop)
            await until(lambda: not loop.up)
            await asyncio.to_thread(server.start)

            await until(lambda: loop.up)


async def test_stopping_leaves_no_backend_behind(
    reader: Credentials, admin: Admin
) -> None:
    async with running(target_for(reader)) as loop:
        await until(lambda: has_settled(loop))

    async def remaining() -> int:
        cursor = await admin.execute(OWN_CONNECTIONS)
        row = await cursor.fetchone()
        return row[0] if row else 0

    for _ in range(100):
        if not await remaining():
            return
        await asyncio.sleep(0.02)
    pytest.fail("a backend is still there after 2 s")
