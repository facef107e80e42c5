"""Behind a real PgBouncer: recognised by what it does, and never harmed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from monitor.model.server import Pooler
from monitor.model.target import Credentials
from monitor.postgres.probe import probe
from monitor.postgres.request import Request
from monitor.postgres.session import Purpose, Session
from tests.poolers import PgBouncer, pgbouncer
from tests.servers import Cluster

ONE = Request(name="one", sql="select 1 as n")
DIVISION = Request(name="division", sql="select 1 / 0 as n")
OPTIONS_IGNORED = "ignore_startup_parameters = options"


@pytest.fixture
def direct(reader: Credentials) -> str:
    return reader.conninfo


@pytest.fixture
def session_pooler(direct: str) -> Iterator[PgBouncer]:
    with pgbouncer(direct, "session") as running:
        yield running


@pytest.fixture
def transaction_pooler(direct: str) -> Iterator[PgBouncer]:
    with pgbouncer(direct, "transaction") as running:
        yield running


async def open_through(pooler: PgBouncer) -> Session:
    return await Session.open(
        Credentials(conninfo=pooler.conninfo), purpose=Purpose.POLL, instance="test"
    )


def lock_timeout(conninfo: str) -> str:
    with closing(psycopg.connect(conninfo, autocommit=True)) as other:
        row = other.execute("show lock_timeout").fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("more", ["", OPTIONS_IGNORED], ids=["refusing", "ignoring"])
@pytest.mark.parametrize("round_robin", [0, 1])
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("session", Pooler.SESSION),
        ("transaction", Pooler.TRANSACTION),
        ("statement", Pooler.TRANSACTION),
    ],
)
async def test_pool_mode_is_recognised(
    direct: str, mode: str, expected: Pooler, round_robin: int, more: str
) -> None:
    with pgbouncer(direct, mode, round_robin=round_robin, more=more) as pooler:
        session = await open_through(pooler)
        found = session.pooler
        await session.close()

    assert found is expected


async def test_settings_are_in_force_through_a_session_pooler(
    session_pooler: PgBouncer,
) -> None:
    session = await open_through(session_pooler)

    reply = await session.run(Request(name="show", sql="show lock_timeout"), seconds=5)

    assert session.degraded == ""
    assert reply.rows == (("100ms",),)
    await session.close()


async def test_session_pooler_gets_its_connection_back_as_it_was(
    direct: str,
) -> None:
    with pgbouncer(direct, "session", more="server_reset_query =") as pooler:
        session = await open_through(pooler)
        assert session.pooler is Pooler.SESSION
        await session.close()

        after = lock_timeout(pooler.conninfo)

    assert after == "0"


async def test_nothing_is_set_through_a_transaction_pooler(
    transaction_pooler: PgBouncer,
) -> None:
    session = await open_through(transaction_pooler)

    others = lock_timeout(transaction_pooler.conninfo)

    assert others == "0"
    assert session.degraded.startswith("a transaction pooler would pass our settings")
    assert "lock_timeout = '0'" in session.degraded
    await session.close()


async def test_session_pooler_without_a_second_backend_is_not_trusted(
    direct: str,
) -> None:
    with pgbouncer(direct, "session", pool_size=1) as pooler:
        session = await open_through(pooler)

        assert session.pooler is Pooler.TRANSACTION
        assert session.is_open
        await session.close()


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_an_error_costs_only_its_own_request_behind_a_pooler(
    direct: str, mode: str
) -> None:
    with pgbouncer(direct, mode) as pooler:
        session = await open_through(pooler)
        for _ in range(8):
            replies = await session.run_all([ONE, DIVISION, ONE], seconds=5)

            assert [reply.error is None for reply in replies] == [True, False, True]
        await session.close()


async def test_no_prepared_statement_is_left_on_a_shared_backend(
    transaction_pooler: PgBouncer,
) -> None:
    session = await open_through(transaction_pooler)
    for _ in range(8):
        await session.run_all([ONE], seconds=5)

    count = Request(
        name="prepared",
        sql="select count(*) as n from pg_catalog.pg_prepared_statements",
    )

    assert (await session.run(count, seconds=5)).rows == ((0,),)
    await session.close()


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_probe_through_a_pooler_refuses_actions(direct: str, mode: str) -> None:
    with pgbouncer(direct, mode) as pooler:
        session = await open_through(pooler)

        server = await probe(session)

        assert not server.can("actions_session")
        assert server.pooler is session.pooler
        await session.close()


async def test_session_names_the_real_database_behind_an_alias(
    cluster: Cluster, database: str, direct: str
) -> None:
    alias = f"alias = host={cluster.host} port={cluster.port} dbname={database}"
    with pgbouncer(direct, "session", more=f"[databases]\n{alias}") as pooler:
        session = await Session.open(
            Credentials(conninfo=pooler.conninfo),
            purpose=Purpose.POLL,
            instance="test",
            dbname="alias",
        )
        seen = session.dbname
        await session.close()

    assert seen == database
