"""monitoring.statements() where a text of another database cannot be read."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.integration.postgres.schema import installed, rows
from tests.servers import Cluster

Admin = psycopg.AsyncConnection[Any]


@pytest.mark.pg
@pytest.mark.promise(13)
async def test_a_text_in_another_encoding_costs_the_texts_only(
    cluster: Cluster, conninfo: str, admin: Admin, database: str
) -> None:
    name = sql.Identifier(f"ascii_{database}")
    created = "create database {} template template0 encoding 'SQL_ASCII'"
    created += " lc_collate 'C' lc_ctype 'C'"
    await admin.execute("create extension pg_stat_statements")
    await admin.execute(sql.SQL(created).format(name))
    await installed(conninfo)
    await admin.execute("select 1 as readable")
    notices: list[str] = []
    admin.add_notice_handler(lambda n: notices.append(n.message_primary or ""))
    try:
        before = await rows(admin, "select query from monitoring.statements()")
        async with await psycopg.AsyncConnection.connect(
            cluster.conninfo(f"ascii_{database}"), autocommit=True
        ) as latin:
            await latin.execute(b'select 1 as "caf\xe9"')

        after = await rows(admin, "select query, calls from monitoring.statements()")
    finally:
        await admin.execute("select pg_stat_statements_reset()")
        await admin.execute(sql.SQL("drop database {} with (force)").format(name))

    assert any("readable" in query for (query,) in before)
    assert len(after) >= len(before)
    assert {query for query, _ in after} == {None}
    assert all(calls > 0 for _, calls in after)
    assert any("not valid in the encoding" in notice for notice in notices)
