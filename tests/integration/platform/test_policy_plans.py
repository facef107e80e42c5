"""A policy costs an ordinary user an index lookup, although some may see all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import psycopg
import pytest

from tests.platform import Connection, Platform, acting_as
from tests.platform_plans import POLICIES, Node, conditions, explain, nodes, read_whole
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
@pytest.mark.requirement("S0-b", "S3.1.2-e", "S3.1.3-c")
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


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3.1.3-c")
async def test_messages_are_found_by_conversation_in_order_of_time(
    filled: Connection,
) -> None:
    async with acting_as(filled, user(ORDINARY)):
        plan = await explain(filled, "public.conversation_messages")

    used = {str(n["Index Name"]) for n in nodes(plan) if "Index Name" in n}
    assert any(name.endswith("_conversation_id_created_at_idx") for name in used)


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3.1.1-d")
async def test_whether_a_user_is_an_admin_is_asked_of_a_small_index(
    filled: Connection,
) -> None:
    admin = (
        "(select p.id from public.user_profiles as p"
        f" where p.id = '{user(ORDINARY)}' and p.role in ('super_admin', 'admin')) as a"
    )

    plan = await explain(filled, admin)

    used = {str(n["Index Name"]) for n in nodes(plan) if "Index Name" in n}
    assert used == {"idx_user_profiles_rls_admin"}
