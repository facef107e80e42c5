"""A policy costs an ordinary user an index lookup, although some may see all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import psycopg
import pytest

from tests.platform import Connection, Platform, acting_as
from tests.platform_plans import POLICIES, Node, conditions, explain, read_whole
from tests.platform_rows import ORDINARY, SUPER_ADMIN, Size, fill, user

SIZE = Size(organizations=50, profiles=1_000, items=10_000, conversations=10_000)


@pytest.fixture
async def filled(platform: Platform) -> AsyncIterator[Connection]:
    async with await psycopg.AsyncConnection.connect(
        platform.admin_conninfo, autocommit=True
    ) as connection:
        await fill(connection, SIZE)
        yield connection


async def count(connection: Connection, table: str) -> int:
    cursor = await connection.execute(f"select count(*) from public.{table}".encode())
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S0-b", "S3.1.1-a", "S3.1.2-a")
async def test_an_ordinary_users_rows_are_found_by_the_policys_column(
    filled: Connection,
) -> None:
    plans: dict[str, Node] = {}
    async with acting_as(filled, user(ORDINARY)):
        for table in POLICIES:
            plans[table] = await explain(filled, f"public.{table}")

    assert {t for t, plan in plans.items() if read_whole(plan, t)} == set()
    for table, column in POLICIES.items():
        # Ownership is a range: of one id, or of all.
        assert re.search(rf"\b{column} (=|>=) ", conditions(plans[table])), table


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S0-b")
async def test_a_super_admin_sees_every_row(filled: Connection) -> None:
    async with acting_as(filled, user(SUPER_ADMIN)):
        seen = {table: await count(filled, table) for table in POLICIES}
    async with acting_as(filled, user(ORDINARY)):
        own = {table: await count(filled, table) for table in POLICIES}

    assert seen == {
        "content_items": SIZE.items,
        "conversations": SIZE.conversations,
        "conversation_messages": SIZE.messages,
    }
    assert (own["conversations"], own["conversation_messages"]) == (10, 20)
    assert 0 < own["content_items"] < SIZE.items / SIZE.organizations * 2
