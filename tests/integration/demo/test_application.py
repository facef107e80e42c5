"""The demo's application has the flaws that it is there to show."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.demo import gateway, sessions, traffic
from monitor.demo.build import SERVER_SETTINGS, Application, build, create
from monitor.postgres.throwaway import ThrowawayServer

Admin = psycopg.AsyncConnection[TupleRow]


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    """Return the demo's database, built once; no test changes its structure."""
    with ThrowawayServer(SERVER_SETTINGS) as server:
        made = asyncio.run(create(server))
        asyncio.run(build(made, lambda _: None))
        yield made


@pytest.fixture
async def owner(application: Application) -> AsyncIterator[Admin]:
    async with await psycopg.AsyncConnection.connect(
        application.owner, autocommit=True
    ) as connection:
        yield connection


async def value(connection: Admin, query: LiteralString) -> object:
    row = await (await connection.execute(query)).fetchone()
    return row[0] if row else None


async def becomes(connection: Admin, query: LiteralString, expected: object) -> bool:
    """Wait until a query gives a value: counters arrive up to a second late."""
    for _ in range(200):
        if await value(connection, query) == expected:
            return True
        await asyncio.sleep(0.05)
    return False


FLAWS: dict[str, LiteralString] = {
    "a policy calls auth.uid() unwrapped": """
        select polname = 'orders_own' from pg_policy
        where pg_get_expr(polqual, polrelid) = '(user_id = auth.uid())'
    """,
    "the policy's column has no index": """
        select not exists (
            select from pg_index as i
            join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
            where i.indrelid = 'app.orders'::regclass and a.attname = 'user_id'
        )
    """,
    "a policy's helper is VOLATILE": """
        select provolatile = 'v' and prosecdef from pg_proc
        where oid = 'app.is_member(bigint)'::regprocedure
    """,
    "an index is invalid": """
        select not indisvalid from pg_index
        where indexrelid = 'app.profiles_phone_key'::regclass
    """,
    "an index exists twice": """
        select count(*) = 2 from pg_indexes
        where schemaname = 'app' and indexdef like '%USING btree (created_at)'
    """,
    "an index is the prefix of another": """
        select count(*) = 1 from pg_indexes
        where schemaname = 'app' and indexdef like '%(created_at, status)'
    """,
    "a foreign key has no index": """
        select count(*) > 0 from pg_constraint as c
        where c.contype = 'f' and c.conrelid = 'app.orders'::regclass
        and not exists (
            select from pg_index as i
            where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1]
        )
    """,
    "a table is full of dead tuples": """
        select n_dead_tup > 40000 and n_mod_since_analyze = 0
        and pg_relation_size(relid) > 10 * 1024 * 1024
        from pg_stat_user_tables where relname = 'sessions'
    """,
    "a table's statistics are stale": """
        select n_mod_since_analyze >= 30000 and reltuples = 10000
        from pg_stat_user_tables as s join pg_class as c on c.oid = s.relid
        where s.relname = 'events'
    """,
    "a 32-bit sequence is nearly exhausted": """
        select last_value > 0.9 * max_value and data_type = 'integer'::regtype
        from pg_sequences where sequencename = 'tickets_id_seq'
    """,
}


@pytest.mark.parametrize("flaw", FLAWS)
async def test_each_flaw_is_really_there(owner: Admin, flaw: str) -> None:
    assert await becomes(owner, FLAWS[flaw], expected=True)


async def test_sessions_misbehave_until_they_are_cancelled(
    application: Application, owner: Admin
) -> None:
    states: LiteralString = """
        select count(*) filter (where state = 'idle in transaction') * 10
            + count(*) filter (where cardinality(pg_blocking_pids(pid)) > 0)
        from pg_stat_activity where application_name in ('checkout', 'stock-sync')
    """
    running = asyncio.create_task(sessions.misbehave(application.traffic))

    has_happened = await becomes(owner, states, 11)
    running.cancel()
    await asyncio.wait({running})

    assert has_happened
    assert running.cancelled()


@pytest.mark.parametrize("visit", traffic.VISITS, ids=lambda v: v.statement[:40])
async def test_every_request_works_for_its_role(
    application: Application, visit: traffic.Visit
) -> None:
    async with await psycopg.AsyncConnection.connect(
        application.traffic, autocommit=True
    ) as connection:
        await gateway.send(connection, traffic.request(visit, random.Random(1)))

        assert await value(connection, "select current_user") == "authenticator"


async def test_a_user_sees_only_its_own_orders(application: Application) -> None:
    async with (
        await psycopg.AsyncConnection.connect(application.traffic) as connection,
        connection.transaction(),
    ):
        await connection.execute("set local role authenticated")
        await connection.execute(
            "select set_config('request.jwt.claims', %s, true)",
            [f'{{"sub": "{gateway.user_id(7)}"}}'],
        )

        seen = await value(connection, "select count(distinct user_id) from app.orders")

    assert seen == 1


async def test_traffic_runs_until_it_is_cancelled(
    application: Application, owner: Admin
) -> None:
    roles: LiteralString = """
        select count(distinct userid) from pg_stat_statements as s
        join pg_roles as r on r.oid = s.userid
        where r.rolname in ('anon', 'authenticated', 'service_role')
    """
    running = asyncio.create_task(traffic.run(application.traffic))

    has_happened = await becomes(owner, roles, 3)
    running.cancel()
    await asyncio.wait({running})

    assert has_happened


def test_no_password_is_in_the_representation(application: Application) -> None:
    assert "password" not in repr(application)
