"""Streaming an organization through a network that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.errors import QueryTimedOut, TargetError
from monitor.model.target import Credentials
from monitor.postgres.organization_export import Sink, Subject, export_organization
from monitor.postgres.session import Limits, Purpose, Session
from monitor.postgres.stall import advancing
from tests.integration.platform.exported import add_tenant
from tests.platform import Platform
from tests.servers import Cluster
from tests.stallproxy import Mode, StallProxy

pytestmark = pytest.mark.requirement("S6.1.2-a")

Admin = psycopg.AsyncConnection[TupleRow]


class Memory:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.text = b""

    @property
    def size_bytes(self) -> int:
        return len(self.text)

    def write(self, lines: bytes) -> None:
        self.text += lines


@pytest.mark.parametrize("mode", ["stall", "reset"])
async def test_a_network_that_fails_ends_the_export(
    platform: Platform, cluster: Cluster, mode: Mode
) -> None:
    tenant = await add_tenant(platform.owner)
    opened: list[str] = []

    async with StallProxy(cluster.host, cluster.port) as proxy:

        @contextmanager
        def open_section(name: str) -> Generator[Sink]:
            opened.append(name)
            if name == "conversations":
                proxy.mode = mode
            yield Memory()

        session = await Session.open(
            Credentials(conninfo=f"{platform.conninfo} port={proxy.port}"),
            purpose=Purpose.ACT,
            instance="test",
            limits=Limits(statement=timedelta(0)),
        )
        subject = Subject(organization_id=tenant.id, conversation_days=None)

        with pytest.raises(TargetError):
            await export_organization(session, subject, open_section, stall_seconds=0.3)

        assert opened[-1] == "conversations"
        assert not session.is_open


async def test_work_that_gets_on_may_take_longer(admin: Admin) -> None:
    done: list[int] = []

    async def work() -> str:
        for step in range(15):
            await admin.execute("select pg_sleep(0.1)")
            done.append(step)
        return "whole"

    assert await advancing(admin, work(), lambda: len(done), seconds=1) == "whole"


async def test_work_that_stands_still_is_given_up(admin: Admin) -> None:
    sleeping = admin.execute("select pg_sleep(30)")

    with pytest.raises(QueryTimedOut, match=r"no progress within 0\.1 s"):
        await advancing(admin, sleeping, lambda: 0, seconds=0.1)

    assert admin.closed


async def test_an_interruption_closes_the_connection(admin: Admin) -> None:
    sleeping: Coroutine[Any, Any, Any] = admin.execute("select pg_sleep(30)")
    waiting = asyncio.create_task(advancing(admin, sleeping, lambda: 0, seconds=30))
    await asyncio.sleep(0.2)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert admin.closed
