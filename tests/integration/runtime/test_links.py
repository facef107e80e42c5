"""The connections to one server stay within their budget, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from monitor.model.target import Credentials
from monitor.postgres.session import Limits
from monitor.runtime.clock import Clock
from monitor.runtime.links import Links
from tests.integration.runtime.loops import running, target_for, until

Admin = psycopg.AsyncConnection[TupleRow]

OWN = """
select count(*) from pg_catalog.pg_stat_activity
where application_name like 'pgvigil/test/%'
"""
NAMES = tuple(f"links_{number}" for number in range(6))


@pytest.fixture
async def many(admin: Admin) -> AsyncIterator[tuple[str, ...]]:
    for name in NAMES:
        await admin.execute(
            SQL("create database {} template template0").format(Identifier(name))
        )
    yield NAMES
    for name in NAMES:
        await admin.execute(
            SQL("drop database if exists {} with (force)").format(Identifier(name))
        )


def links_to(credentials: Credentials, connections: int) -> Links:
    return Links(
        target_for(credentials, connections_per_server=connections),
        instance="test",
        clock=Clock(),
        limits=Limits(),
        poll_statement=timedelta(seconds=4),
        side_statement=timedelta(seconds=4),
    )


@pytest.mark.promise(7)
async def test_databases_polled_at_once_share_a_larger_budget(
    reader: Credentials, many: tuple[str, ...]
) -> None:
    links = links_to(reader, 5)
    await links.control()
    try:
        found = await asyncio.gather(*map(links.poll, many))

        used = links.used
    finally:
        await links.close()

    assert sum(session is not None for session in found) == 2
    assert used == 3


async def test_a_dead_connection_gives_its_place_to_another_database(
    reader: Credentials, many: tuple[str, ...]
) -> None:
    links = links_to(reader, 4)
    await links.control()
    try:
        first = await links.poll(many[0])
        assert first is not None
        await first.close()

        second = await links.poll(many[1])
        third = await links.poll(many[2])
    finally:
        await links.close()

    assert second is not None
    assert third is None


async def test_the_control_database_keeps_its_place_while_it_is_away(
    reader: Credentials, many: tuple[str, ...]
) -> None:
    links = links_to(reader, 4)
    control = await links.control()
    await control.close()
    try:
        await asyncio.gather(*map(links.poll, many))
        await links.control()

        used = links.used
    finally:
        await links.close()

    assert used == 2


async def test_a_database_that_is_left_has_no_connection(
    reader: Credentials, many: tuple[str, ...]
) -> None:
    links = links_to(reader, 4)
    await links.control()
    try:
        await links.poll(many[0])

        await links.leave(many[0])

        left = many[0] not in links.polled
        used = links.used
    finally:
        await links.close()

    assert left
    assert used == 1


@pytest.mark.promise(7)
async def test_a_larger_budget_holds_for_a_whole_loop(
    reader: Credentials, admin: Admin, many: tuple[str, ...]
) -> None:
    counts: list[int] = []
    async with running(target_for(reader, connections_per_server=4)) as loop:
        await until(lambda: set(many) <= set(loop.roster.databases))
        for _ in range(40):
            row = await (await admin.execute(OWN)).fetchone()
            counts.append(row[0] if row else 0)
            await asyncio.sleep(0.05)

    assert max(counts) <= 4
