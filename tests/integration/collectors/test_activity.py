"""Collectors of what backends do, each against backends that really do it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.rows.backends import BackendRow
from monitor.model.rows.locks import LocksRow
from monitor.model.rows.stat_activity import ConnectionsRow
from monitor.model.rows.xmin_horizon import HorizonRow
from monitor.model.target import Credentials
from tests.collecting import bench, samples

Admin = psycopg.AsyncConnection[TupleRow]


@asynccontextmanager
async def _client(conninfo: str, name: str) -> AsyncGenerator[Admin]:
    async with await psycopg.AsyncConnection.connect(
        conninfo, application_name=name, autocommit=True
    ) as connection:
        yield connection


def _named(rows: Sequence[BackendRow], name: str) -> list[BackendRow]:
    return [row for row in rows if row.application_name == name]


@pytest.mark.pg
async def test_a_blocked_backend_names_who_blocks_it(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    await admin.execute("create table t as select 1 as id")
    async with (
        bench(reader) as at,
        _client(conninfo, "holder") as holder,
        _client(conninfo, "waiter") as waiter,
        holder.transaction(),
    ):
        await holder.execute("update t set id = 2")
        waiting = asyncio.create_task(waiter.execute("update t set id = 3"))

        rows = await at.until(
            "backends",
            BackendRow,
            lambda rows: any(r.blocked_by for r in _named(rows, "waiter")),
        )

        (blocked,) = _named(rows, "waiter")
        (blocker,) = _named(rows, "holder")
        assert blocked.blocked_by == (holder.info.backend_pid,)
        assert blocked.wait_event_type == "Lock"
        assert blocked.wait_seconds is not None
        assert (blocker.state, blocker.blocked_by) == ("idle in transaction", ())
        assert blocker.wait_seconds is None
        assert (blocked.query_id is not None) == (at.server.major >= 14)
        locks = await at.rows("locks", LocksRow)
        assert ("ShareLock", "false") in {(k.mode, k.granted) for k in locks}
        await holder.execute("rollback")
        await waiting


@pytest.mark.pg
async def test_an_idle_client_without_a_transaction_is_not_listed(
    reader: Credentials, conninfo: str
) -> None:
    async with bench(reader) as at, _client(conninfo, "resting"):
        rows = await at.rows("backends", BackendRow)

    assert _named(rows, "resting") == []


@pytest.mark.pg
async def test_a_client_idle_in_a_transaction_is_listed_with_its_age(
    reader: Credentials, conninfo: str
) -> None:
    async with (
        bench(reader) as at,
        _client(conninfo, "dawdler") as client,
        client.transaction(),
    ):
        await client.execute("select pg_current_xact_id()")

        rows = await at.until(
            "backends",
            BackendRow,
            lambda rows: any(
                r.state == "idle in transaction" for r in _named(rows, "dawdler")
            ),
        )

        (row,) = _named(rows, "dawdler")
        assert row.xact_seconds is not None
        assert row.datname == at.session.dbname
        assert row.is_own is False


@pytest.mark.pg
async def test_connections_are_counted_by_state_and_application(
    reader: Credentials, conninfo: str
) -> None:
    async with (
        bench(reader) as at,
        _client(conninfo, "twins"),
        _client(conninfo, "twins"),
    ):
        collected = await at.collect("stat_activity")

    (sheet,) = collected.sheets
    found = [s for s in samples(sheet) if s["application_name"] == "twins"]
    assert [(s["state"], s["connections"]) for s in found] == [("idle", 2)]
    rows = [r for r in collected.readings[0].rows if isinstance(r, ConnectionsRow)]
    own = [r for r in rows if r.application_name == "pgvigil/test/poll"]
    assert [r.state for r in own] == ["active"]


@pytest.mark.pg
async def test_an_open_snapshot_holds_the_horizon(
    reader: Credentials, conninfo: str, admin: Admin
) -> None:
    async with bench(reader) as at, _client(conninfo, "snapshot") as client:
        await client.execute("begin isolation level repeatable read")
        await client.execute("select pg_current_xact_id()")
        await admin.execute("create table moves_the_counter ()")

        rows = await at.rows("xmin_horizon", HorizonRow)

        held = {row.cause: row for row in rows}
        assert held["transaction"].xmin_age >= 1
        assert "prepared" not in held
        await client.execute("rollback")
