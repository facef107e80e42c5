"""Every wait for a server ends: stalled paths, frozen servers, cut connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from psycopg.conninfo import make_conninfo

from monitor.errors import QueryTimedOut, TargetUnreachable
from monitor.model.target import Credentials
from monitor.postgres.request import Request
from monitor.postgres.session import Limits, Purpose, Session
from monitor.postgres.throwaway import ThrowawayServer
from tests.stallproxy import Mode, StallProxy

pytestmark = pytest.mark.fault

ONE = Request(name="one", sql="select 1 as n")
SOFT, GRACE = 0.5, 0.5
# What a loaded machine may add; the failure this guards against takes 11 s and more.
MARGIN = 2.0


@pytest.fixture(scope="module")
def server() -> Iterator[ThrowawayServer]:
    with ThrowawayServer() as running:
        yield running


@pytest.fixture
async def proxy(server: ThrowawayServer) -> AsyncIterator[StallProxy]:
    async with StallProxy(server.host, server.port) as running:
        yield running


def through(server: ThrowawayServer, proxy: StallProxy) -> Credentials:
    return Credentials(conninfo=make_conninfo(server.conninfo(), port=proxy.port))


async def opened(credentials: Credentials) -> Session:
    return await Session.open(
        credentials, purpose=Purpose.POLL, instance="test", limits=Limits()
    )


async def longest_pause(stop: asyncio.Event) -> float:
    """Return how long the event loop was ever held up."""
    longest = 0.0
    while not stop.is_set():
        before = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - before - 0.01)
    return longest


async def test_a_stalled_path_ends_after_deadline_and_grace(
    server: ThrowawayServer, proxy: StallProxy
) -> None:
    session = await opened(through(server, proxy))
    stop = asyncio.Event()
    watching = asyncio.create_task(longest_pause(stop))
    proxy.mode = "stall"

    before = time.monotonic()
    with pytest.raises(QueryTimedOut):
        await session.run_all([ONE, ONE], seconds=SOFT)
    took = time.monotonic() - before
    stop.set()

    assert SOFT + GRACE <= took < SOFT + GRACE + MARGIN
    assert await watching < MARGIN
    assert not session.is_open


async def test_a_session_given_up_stays_useless(
    server: ThrowawayServer, proxy: StallProxy
) -> None:
    session = await opened(through(server, proxy))
    proxy.mode = "stall"
    with pytest.raises(QueryTimedOut):
        await session.run(ONE, seconds=0.1)
    proxy.mode = "pass"

    with pytest.raises(TargetUnreachable):
        await session.run(ONE, seconds=SOFT)
    await session.close()

    reopened = await opened(through(server, proxy))
    assert (await reopened.run(ONE, seconds=5)).rows == ((1,),)
    await reopened.close()


async def test_connecting_through_a_stalled_path_is_bounded(
    server: ThrowawayServer, proxy: StallProxy
) -> None:
    proxy.mode = "stall"

    before = time.monotonic()
    with pytest.raises(TargetUnreachable):
        await opened(through(server, proxy))

    assert time.monotonic() - before < 3 + MARGIN


async def test_a_frozen_server_ends_after_deadline_and_grace(
    server: ThrowawayServer,
) -> None:
    session = await opened(Credentials(conninfo=server.conninfo()))
    server.pause()
    try:
        before = time.monotonic()
        with pytest.raises(QueryTimedOut):
            await session.run(ONE, seconds=SOFT)
        took = time.monotonic() - before
    finally:
        server.resume()

    assert SOFT + GRACE <= took < SOFT + GRACE + MARGIN
    assert not session.is_open


@pytest.mark.parametrize("mode", ["reset", "close"])
async def test_a_cut_connection_is_noticed_at_once(
    server: ThrowawayServer, proxy: StallProxy, mode: Mode
) -> None:
    session = await opened(through(server, proxy))
    proxy.mode = mode

    with pytest.raises(TargetUnreachable):
        await session.run(ONE, seconds=5)

    assert not session.is_open


async def test_a_slow_path_is_no_fault(
    server: ThrowawayServer, proxy: StallProxy
) -> None:
    session = await opened(through(server, proxy))
    proxy.latency = 0.1

    assert (await session.run(ONE, seconds=5)).rows == ((1,),)
    await session.close()


@pytest.mark.parametrize("immediate", [False, True], ids=["fast", "immediate"])
async def test_a_restarted_server_takes_new_sessions(
    server: ThrowawayServer, *, immediate: bool
) -> None:
    credentials = Credentials(conninfo=server.conninfo())
    session = await opened(credentials)
    await asyncio.to_thread(server.restart, immediate=immediate)

    with pytest.raises(TargetUnreachable):
        await session.run(ONE, seconds=5)
    again = await opened(credentials)

    assert (await again.run(ONE, seconds=5)).rows == ((1,),)
    await again.close()


async def test_a_stopped_server_is_unreachable(server: ThrowawayServer) -> None:
    server.stop()
    try:
        with pytest.raises(TargetUnreachable):
            await opened(Credentials(conninfo=server.conninfo()))
    finally:
        server.start()
