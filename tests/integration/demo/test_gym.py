"""The demo's platform works for the people who use it, and for nobody else."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import LiteralString

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.demo import gateway, gym, gym_traffic
from monitor.demo.build import SERVER_SETTINGS, connect, create
from monitor.demo.gym_content import ITEMS, ORGANIZATIONS, USERS
from monitor.postgres.throwaway import ThrowawayServer

Connection = psycopg.AsyncConnection[TupleRow]

CONVERSATIONS: LiteralString = """
    select c.user_id
    from public.conversations as c
"""


@dataclass(frozen=True, slots=True)
class Gym:
    """How its gateway and its owner connect."""

    traffic: str
    owner: str


@pytest.fixture(scope="module")
def built() -> Iterator[Gym]:
    """Return the platform, built once; the tests only add rows."""
    with ThrowawayServer(SERVER_SETTINGS) as server:
        shop = asyncio.run(create(server))
        traffic = asyncio.run(gym.build(server, shop))
        yield Gym(traffic, server.conninfo(gym.DATABASE))


@pytest.fixture
async def api(built: Gym) -> AsyncIterator[Connection]:
    async with await connect(built.traffic) as connection:
        yield connection


@pytest.fixture
async def owner(built: Gym) -> AsyncIterator[Connection]:
    async with await connect(built.owner) as connection:
        yield connection


async def value(connection: Connection, query: LiteralString) -> object:
    row = await (await connection.execute(query)).fetchone()
    return row[0] if row else None


async def test_rows_are_as_many_as_the_traffic_thinks(owner: Connection) -> None:
    found = [
        await value(owner, query)
        for query in (
            "select count(*) from public.organizations",
            "select count(*) from public.user_profiles where email like 'user%'",
            "select count(*) from public.content_items where title like 'item%'",
        )
    ]

    assert found == [ORGANIZATIONS, USERS, ITEMS]


async def test_every_request_meets_rows_for_who_may_send_it(api: Connection) -> None:
    met = {
        visit.statement: await gateway.send(
            # The same dice for all: manager and creator of one organization.
            api,
            gym_traffic.request(visit, random.Random(1)),
        )
        for visit in gym_traffic.VISITS
    }

    assert [statement for statement, rows in met.items() if rows == 0] == []


async def test_a_user_sees_only_the_own_conversations(
    api: Connection, owner: Connection
) -> None:
    user = gateway.user_id(50)
    own = "select count(*) from public.conversations where user_id = md5('50')::uuid"
    request = gateway.Request("authenticated", user, CONVERSATIONS, {})

    seen = await gateway.send(api, request)

    assert seen == await value(owner, own)


async def test_a_stranger_sees_nothing(api: Connection) -> None:
    stranger = gateway.user_id(-1)
    request = gateway.Request("authenticated", stranger, CONVERSATIONS, {})

    assert await gateway.send(api, request) == 0


async def test_somebody_who_signs_up_gets_a_profile(
    api: Connection, owner: Connection
) -> None:
    (sign_up,) = (v for v in gym_traffic.VISITS if v.person == "newcomer")
    request = gym_traffic.request(sign_up, random.Random(7))

    await gateway.send(api, request)

    cursor = await owner.execute(
        "select role::text from public.user_profiles where id = %(new)s",
        request.values,
    )
    assert await cursor.fetchall() == [("user",)]


async def test_traffic_runs_until_it_is_cancelled(
    built: Gym, owner: Connection
) -> None:
    newest: LiteralString = "select max(created_at) from public.conversation_messages"
    before = after = await value(owner, newest)
    running = asyncio.create_task(gym_traffic.run(built.traffic))

    for _ in range(200):
        after = await value(owner, newest)
        if after != before:
            break
        await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait({running})

    assert after != before
    assert running.cancelled()
