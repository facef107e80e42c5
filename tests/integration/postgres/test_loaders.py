"""Bytes that are no text: shown to who watches, refused to who acts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from monitor.errors import TargetError
from monitor.model.target import Credentials
from monitor.postgres.request import Request
from monitor.postgres.session import Purpose, Session
from tests.servers import Cluster

Admin = psycopg.AsyncConnection[TupleRow]

NAME = b"loaders_\xe9"
ROLES = Request(
    name="roles",
    sql="""
        select
            r.rolname as raw,
            r.rolname::text as name,
            array[r.rolname] as names
        from pg_catalog.pg_roles as r
        where r.rolname like 'loaders%'
    """,
)


@pytest.fixture
async def shared_name(cluster: Cluster, admin: Admin) -> AsyncIterator[None]:
    """Create a role whose name is valid in no UTF-8 database."""
    name = sql.Identifier("loaders_ascii")
    created = "create database {} encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'"
    await admin.execute(sql.SQL(created + " template template0").format(name))
    async with await psycopg.AsyncConnection.connect(
        cluster.conninfo("loaders_ascii"), autocommit=True
    ) as ascii_admin:
        # Recorded, these bytes would spoil every text of the shared server.
        await ascii_admin.execute("set pg_stat_statements.track = 'none'")
        await ascii_admin.execute(b'create role "' + NAME + b'"')
        yield
        await ascii_admin.execute(b'drop role "' + NAME + b'"')
    # Or other tests would meet texts that they cannot read.
    await admin.execute("create extension if not exists pg_stat_statements")
    await admin.execute("select pg_stat_statements_reset()")
    await admin.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.mark.promise(13)
@pytest.mark.usefixtures("shared_name")
@pytest.mark.parametrize("purpose", [Purpose.POLL, Purpose.SIDE])
async def test_who_watches_sees_the_bytes(
    reader: Credentials, purpose: Purpose
) -> None:
    session = await Session.open(reader, purpose=purpose, instance="test")

    reply = await session.run(ROLES, seconds=5)

    await session.close()
    shown = r"loaders_\xe9"
    assert reply.rows == ((shown, shown, [shown]),)


@pytest.mark.promise(15)
@pytest.mark.usefixtures("shared_name")
@pytest.mark.parametrize("is_binary", [True, False])
async def test_who_acts_is_refused_a_name_that_would_be_another(
    conninfo: str, *, is_binary: bool
) -> None:
    session = await Session.open(
        Credentials(conninfo=conninfo), purpose=Purpose.ACT, instance="test"
    )

    with pytest.raises(TargetError, match="roles"):
        await session.run(ROLES, seconds=5)
    cursor = session.connection.cursor(binary=is_binary)
    await cursor.execute(ROLES.sql)
    with pytest.raises(psycopg.DataError, match=r"not valid utf-8"):
        await cursor.fetchall()

    await session.close()


@pytest.mark.promise(13)
async def test_valid_names_of_an_sql_ascii_database_can_be_acted_on(
    cluster: Cluster, admin: Admin
) -> None:
    created = "create database loaders_ascii encoding 'SQL_ASCII' lc_collate 'C'"
    await admin.execute(f"{created} lc_ctype 'C' template template0".encode())
    session = await Session.open(
        Credentials(conninfo=cluster.conninfo("loaders_ascii")),
        purpose=Purpose.ACT,
        instance="test",
    )

    reply = await session.run(
        Request(name="text", sql=r"select e'caf\xc3\xa9' as name"), seconds=5
    )

    await session.close()
    await admin.execute("drop database loaders_ascii with (force)")
    assert reply.rows == (("café",),)


@pytest.mark.promise(13)
async def test_a_query_may_say_what_ascii_cannot(
    cluster: Cluster, admin: Admin
) -> None:
    created = "create database loaders_query encoding 'SQL_ASCII' lc_collate 'C'"
    await admin.execute(f"{created} lc_ctype 'C' template template0".encode())
    session = await Session.open(
        Credentials(conninfo=cluster.conninfo("loaders_query")),
        purpose=Purpose.SIDE,
        instance="test",
    )
    requests = (
        Request(name="metric", sql="select 'naïve…' as name -- an operator's file"),
        Request(
            name="other", sql="select %(name)s::text as n", parameters={"name": "é"}
        ),
    )

    replies = await session.run_all(requests, seconds=5)

    await session.close()
    await admin.execute("drop database loaders_query with (force)")
    assert [reply.rows for reply in replies] == [(("naïve…",),), (("é",),)]
