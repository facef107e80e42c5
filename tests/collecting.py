"""Collectors on a real server: sessions, places and rounds for the tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from monitor.collectors import epoch
from monitor.collectors.build import Libraries, build
from monitor.collectors.collector import Collected, Collector, Moment, Place
from monitor.model.persona import RlsOptions
from monitor.model.server import Server
from monitor.model.snapshot import Reading, Sheet
from monitor.model.target import Credentials, Target
from monitor.postgres.probe import probe
from monitor.postgres.request import Reply
from monitor.postgres.session import Purpose, Session

T = TypeVar("T")
SECONDS = 20.0


@dataclass
class Bench:
    """One session of the reader and the collectors of its database."""

    session: Session
    server: Server
    collectors: dict[str, Collector]
    last: dict[str, Collected] = field(default_factory=dict[str, Collected])

    async def replies(self, name: str) -> tuple[Reply, ...]:
        """Return the replies to one collector's requests."""
        requests = self.collectors[name].requests()
        return await self.session.run_all(requests, seconds=SECONDS)

    async def collect(self, name: str) -> Collected:
        """Run one collector once, if it has anything to ask; return what it made."""
        requests = self.collectors[name].requests()
        if not requests:
            return Collected()
        first, *replies = await self.session.run_all(
            (epoch.request(), *requests), seconds=SECONDS
        )
        for reply in (first, *replies):
            if reply.error is not None:
                raise reply.error
        moment = Moment(
            monotonic=time.monotonic(), now=datetime.now(UTC), epoch=epoch.read(first)
        )
        collected = self.collectors[name].read(replies, moment)
        self.last[name] = collected
        return collected

    async def rows(self, name: str, kind: type[T]) -> tuple[T, ...]:
        """Run one collector and return its rows of a class."""
        return rows(await self.collect(name), kind)

    async def until(
        self, name: str, kind: type[T], holds: Callable[[Sequence[T]], object]
    ) -> tuple[T, ...]:
        """Run one collector again and again until its rows are as expected.

        Statistics reach the server's shared memory with a delay.
        """

        async def look() -> tuple[tuple[T, ...], bool]:
            found = await self.rows(name, kind)
            return found, bool(holds(found))

        return await eventually(look)


async def eventually(look: Callable[[], Awaitable[tuple[T, bool]]]) -> T:
    """Return what `look` finds once it says that it is what was waited for."""
    end = time.monotonic() + SECONDS
    while True:
        found, is_there = await look()
        if is_there:
            return found
        assert time.monotonic() < end, f"still not as expected: {found}"
        await asyncio.sleep(0.05)


def rows(collected: Collected, kind: type[T]) -> tuple[T, ...]:
    """Return the rows of a class in what a collector brought."""
    return tuple(
        row
        for reading in collected.readings
        for row in reading.rows
        if isinstance(row, kind)
    )


def reading(collected: Collected, name: str) -> Reading[Any]:
    """Return a collector's reading."""
    return next(r for r in collected.readings if r.collector == name)


def samples(sheet: Sheet) -> list[dict[str, object]]:
    """Return a sheet's rows as exported values by column name."""
    names = [column.name for column in sheet.columns]
    return [dict(zip(names, sheet.cells(row), strict=True)) for row in sheet.rows]


@asynccontextmanager
async def bench(
    credentials: Credentials,
    *,
    libraries: Libraries | None = None,
    is_control: bool = True,
    rls: RlsOptions | None = None,
    **facts: Any,
) -> AsyncGenerator[Bench]:
    """Connect as the daemon does and build the collectors; `facts` of the server."""
    session = await Session.open(
        credentials, purpose=Purpose.POLL, instance="test", dbname=None
    )
    try:
        server = replace(await probe(session), **facts)
        place = Place(
            target=Target(name="test", rls=rls or RlsOptions()),
            server=server,
            datname=session.dbname,
            is_control=is_control,
        )
        built = build(place, libraries or Libraries.load())
        yield Bench(session, server, {c.name: c for c in built})
    finally:
        await session.close()
