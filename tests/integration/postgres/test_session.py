"""Sessions on real servers: settings, errors on their own, typed rows, text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from monitor.errors import (
    InsufficientPrivilege,
    QueryTimedOut,
    TargetError,
    TargetUnreachable,
)
from monitor.model.server import Pooler
from monitor.model.target import Credentials
from monitor.postgres.request import Request
from monitor.postgres.session import Limits, Purpose, Session
from tests.servers import READER, READER_PASSWORD, Cluster

Admin = psycopg.AsyncConnection[TupleRow]

ONE = Request(name="one", sql="select 1 as n")
DIVISION = Request(name="division", sql="select 1 / 0 as n")
SLEEP = Request(name="sleep", sql="select pg_sleep(30) is null as n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    n: int


async def open_session(
    credentials: Credentials, purpose: Purpose = Purpose.POLL, **limits: Any
) -> Session:
    return await Session.open(
        credentials, purpose=purpose, instance="test", limits=Limits(**limits)
    )


@pytest.fixture
async def session(reader: Credentials) -> AsyncIterator[Session]:
    opened = await open_session(reader)
    yield opened
    await opened.close()


async def setting(session: Session, name: str) -> object:
    request = Request(
        name="setting",
        sql="select pg_catalog.current_setting(%(name)s, true) as value",
        parameters={"name": name},
    )
    (row,) = (await session.run(request, seconds=5)).rows
    assert isinstance(row, tuple)
    (value,) = row  # pyright: ignore[reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


@pytest.mark.pg("all")
@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.requirement("X7", "X8")
async def test_settings_are_in_force_on_every_version(
    reader: Credentials, purpose: Purpose, major: int
) -> None:
    session = await open_session(reader, purpose, statement=timedelta(seconds=7))

    values = {
        name: await setting(session, name)
        for name in (
            "application_name",
            "search_path",
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
            "default_transaction_read_only",
            "jit",
            "client_connection_check_interval",
        )
    }
    degraded, pooler = session.degraded, session.pooler
    await session.close()

    assert degraded == ""
    assert pooler is Pooler.NONE
    assert values == {
        "application_name": f"pgvigil/test/{purpose}",
        "search_path": "pg_catalog, pg_temp",
        "statement_timeout": "7s",
        "lock_timeout": "100ms",
        "idle_in_transaction_session_timeout": "5s",
        "default_transaction_read_only": "off" if purpose is Purpose.ACT else "on",
        "jit": "off",
        "client_connection_check_interval": "1s" if major >= 14 else None,
    }


@pytest.mark.requirement("X8")
async def test_settings_of_the_role_do_not_win(
    reader: Credentials, admin: Admin
) -> None:
    role = sql.Identifier(READER)
    await admin.execute(sql.SQL("alter role {} set statement_timeout = 0").format(role))

    session = await open_session(reader, statement=timedelta(seconds=7))

    assert await setting(session, "statement_timeout") == "7s"
    await session.close()
    await admin.execute(sql.SQL("alter role {} reset all").format(role))


async def test_options_of_the_operator_are_kept_and_ours_win(
    reader: Credentials,
) -> None:
    options = "options='-c work_mem=5MB -c lock_timeout=0'"
    session = await open_session(Credentials(conninfo=f"{reader.conninfo} {options}"))

    assert await setting(session, "work_mem") == "5MB"
    assert await setting(session, "lock_timeout") == "100ms"
    await session.close()


async def test_session_knows_database_and_backend(
    session: Session, database: str, admin: Admin
) -> None:
    cursor = await admin.execute(
        "select datname from pg_stat_activity where pid = %s", [session.backend_pid]
    )

    assert await cursor.fetchone() == (database,)
    assert session.dbname == database


async def test_polling_session_cannot_write(session: Session) -> None:
    create = Request(name="create", sql="create table public.t (id int)")

    with pytest.raises(TargetError, match="read-only transaction"):
        await session.run(create, seconds=5)


async def test_functions_of_the_monitored_database_are_never_called(
    session: Session, admin: Admin
) -> None:
    await admin.execute(
        "create function public.lower(name) returns text language sql return 'captured'"
    )
    unqualified = Request(name="lower", sql="select lower('Orders'::name) as n")

    reply = await session.run(unqualified, seconds=5)

    assert reply.rows == (("orders",),)


@pytest.mark.pg
@pytest.mark.parametrize("earlier_runs", [0, 8], ids=["plain", "prepared"])
async def test_an_error_costs_only_its_own_request(
    session: Session, earlier_runs: int
) -> None:
    requests = [
        ONE,
        DIVISION,
        ONE,
        Request(name="syntax", sql="selec 1"),
        Request(name="forbidden", sql="select * from pg_catalog.pg_authid"),
        Request(name="parameter", sql="select %(a)s::int", parameters={"b": 1}),
        ONE,
    ]

    for _ in range(earlier_runs):
        await session.run_all(requests, seconds=5)

    replies = await session.run_all(requests, seconds=5)

    errors = [type(reply.error) for reply in replies]
    nothing = type(None)
    assert errors == [
        nothing,
        TargetError,
        nothing,
        TargetError,
        InsufficientPrivilege,
        TargetError,
        nothing,
    ]
    assert [reply.rows for reply in replies if not reply.error] == [((1,),)] * 3
    assert "division by zero" in str(replies[1].error)
    assert isinstance(replies[1].error, TargetError)
    assert isinstance(replies[1].error.__cause__, psycopg.errors.DivisionByZero)
    assert session.is_open


async def test_a_statement_whose_result_changed_recovers_by_itself(
    session: Session, admin: Admin
) -> None:
    await admin.execute("create table public.shape (a int)")
    await admin.execute("grant select on public.shape to public")
    read = Request(name="shape", sql="select * from public.shape")
    for _ in range(8):
        await session.run_all([read], seconds=5)
    await admin.execute("alter table public.shape add column b int")

    broken = await session.run_all([ONE, read, ONE], seconds=5)
    healed = await session.run_all([ONE, read, ONE], seconds=5)

    assert [r.error is None for r in broken] == [True, False, True]
    assert [r.error for r in healed] == [None, None, None]
    assert healed[1].columns == ("a", "b")


async def test_rows_are_built_from_binary_results(session: Session) -> None:
    request = Request(name="one", sql="select 1 as n", row=Number)

    reply = await session.run(request, seconds=5)

    assert reply.rows == (Number(n=1),)
    assert (reply.columns, reply.types) == (("n",), (23,))


async def test_wrong_columns_are_an_error_of_their_request(session: Session) -> None:
    wrong = Request(name="wrong", sql="select 1 as m", row=Number)

    replies = await session.run_all([wrong, ONE], seconds=5)

    assert str(replies[0].error) == 'query "wrong" gives a column "m" that Number lacks'
    assert replies[1].error is None


async def test_a_statement_over_its_time_is_cancelled_and_the_rest_goes_on(
    session: Session,
) -> None:
    replies = await session.run_all([ONE, SLEEP, ONE], seconds=0.2)

    assert [type(reply.error) for reply in replies] == [
        type(None),
        QueryTimedOut,
        type(None),
    ]
    assert session.is_open


async def test_connection_is_usable_after_a_cancelled_statement(
    session: Session,
) -> None:
    with pytest.raises(QueryTimedOut):
        await session.run(SLEEP, seconds=0.2)

    assert (await session.run(ONE, seconds=5)).rows == ((1,),)


async def test_statement_timeout_of_the_server_is_a_timeout(
    reader: Credentials,
) -> None:
    session = await open_session(reader, statement=timedelta(milliseconds=100))

    with pytest.raises(QueryTimedOut, match="statement timeout"):
        await session.run(SLEEP, seconds=5)
    await session.close()


@pytest.mark.pg
async def test_a_terminated_backend_is_unreachable(
    session: Session, admin: Admin
) -> None:
    await admin.execute("select pg_terminate_backend(%s)", [session.backend_pid])

    with pytest.raises(TargetUnreachable):
        await session.run_all([ONE, ONE], seconds=5)

    assert not session.is_open
    with pytest.raises(TargetUnreachable):
        await session.run(ONE, seconds=5)


async def test_cancelling_the_task_ends_the_connection(session: Session) -> None:
    running = asyncio.create_task(session.run(SLEEP, seconds=30))
    await asyncio.sleep(0.1)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert not session.is_open


@pytest.mark.pg
async def test_notices_of_the_last_run_are_kept(reader: Credentials) -> None:
    session = await open_session(reader, Purpose.ACT)
    analyze = Request(name="analyze", sql="analyze pg_catalog.pg_authid")

    await session.run(analyze, seconds=5)
    kept = session.notices
    await session.run(ONE, seconds=5)

    assert len(kept) == 1
    assert kept[0].startswith("WARNING: ")
    assert "pg_authid" in kept[0]
    assert session.notices == ()
    await session.close()


async def test_bytes_of_an_sql_ascii_database_become_text(
    database: str, admin: Admin, reader: Credentials
) -> None:
    name = f"ascii_{database}"
    identifier = sql.Identifier(name)
    await admin.execute(
        sql.SQL("create database {} encoding 'SQL_ASCII' template template0").format(
            identifier
        )
    )
    raw = Request(
        name="raw",
        sql="select e'caf\\xe9'::text as a, array[e'\\xc3\\xa9\\x1b']::text[] as b",
    )
    session = await Session.open(
        reader, purpose=Purpose.POLL, instance="test", dbname=name
    )

    reply = await session.run(raw, seconds=5)

    await session.close()
    await admin.execute(sql.SQL("drop database {}").format(identifier))
    assert reply.rows == (("caf\\xe9", ["é\\x1b"]),)


@pytest.mark.usefixtures("reader")
async def test_password_file_is_read_at_every_connect(
    cluster: Cluster, database: str, admin: Admin, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    without = cluster.conninfo(database, user=READER)
    credentials = Credentials(conninfo=without, password_file=str(file))
    change = sql.SQL("alter role {} password {}")
    file.write_text(f"{READER_PASSWORD}\n")
    await (await open_session(credentials)).close()

    await admin.execute(change.format(sql.Identifier(READER), sql.Literal("rotated")))
    with pytest.raises(InsufficientPrivilege) as refused:
        await open_session(credentials)
    file.write_text("rotated")
    await (await open_session(credentials)).close()

    assert READER_PASSWORD not in str(refused.value)


@pytest.mark.usefixtures("reader")
async def test_password_command_is_run_at_every_connect(
    cluster: Cluster, database: str, tmp_path: Path
) -> None:
    file, script = tmp_path / "password", tmp_path / "give"
    file.write_text("outdated")
    script.write_text(f"#!/bin/sh\ncat {file}\necho complaint >&2\n")
    script.chmod(0o700)
    credentials = Credentials(
        conninfo=cluster.conninfo(database, user=READER),
        password_command=(str(script),),
    )

    with pytest.raises(InsufficientPrivilege):
        await open_session(credentials)
    file.write_text(READER_PASSWORD)
    await (await open_session(credentials)).close()


@pytest.mark.usefixtures("reader")
async def test_missing_password_is_named(cluster: Cluster) -> None:
    without = Credentials(conninfo=cluster.conninfo(user=READER))

    with pytest.raises(InsufficientPrivilege, match="asks for a password"):
        await open_session(without)


async def test_unknown_database_is_unreachable_with_the_servers_words(
    reader: Credentials,
) -> None:
    with pytest.raises(TargetUnreachable, match='database "absent" does not exist'):
        await Session.open(
            reader, purpose=Purpose.POLL, instance="test", dbname="absent"
        )
