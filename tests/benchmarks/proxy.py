"""A TCP proxy that counts connections, bytes and round trips to a server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.benchmarks.wire import Wire

_CHUNK = 1 << 16


@dataclass(slots=True)
class Traffic:
    """What went through; round trips as `wire` defines them."""

    connections: int = 0
    round_trips: int = 0
    bytes_up: int = 0
    bytes_down: int = 0

    def since(self, earlier: Traffic) -> Traffic:
        """Return what was added."""
        return Traffic(
            self.connections - earlier.connections,
            self.round_trips - earlier.round_trips,
            self.bytes_up - earlier.bytes_up,
            self.bytes_down - earlier.bytes_down,
        )

    def copy(self) -> Traffic:
        """Return the counts as they are now."""
        return self.since(Traffic())


class CountingProxy:
    """Forwards a local port to a server, in a thread of its own."""

    def __init__(self, host: str, port: int) -> None:
        """Forward to this server."""
        self.traffic = Traffic()
        self.port = 0
        self._server = (host, port)
        self._listening: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._listening = asyncio.run_coroutine_threadsafe(
            listening, self._loop
        ).result(5)
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        """Cut every connection; their tasks then end by themselves."""
        if self._listening is not None:
            self._listening.close()
        for writer in self._open:
            writer.transport.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.traffic.connections += 1
        answers, questions = await asyncio.open_connection(*self._server)
        wire = Wire()

        async def up() -> None:
            async for chunk in _chunks(reader):
                before = wire.round_trips
                wire.client_sends(chunk)
                self.traffic.round_trips += wire.round_trips - before
                self.traffic.bytes_up += len(chunk)
                questions.write(chunk)

        async def down() -> None:
            async for chunk in _chunks(answers):
                wire.server_sends(chunk)
                self.traffic.bytes_down += len(chunk)
                writer.write(chunk)

        self._open |= {writer, questions}
        await asyncio.wait(
            [asyncio.ensure_future(up()), asyncio.ensure_future(down())],
            return_when=asyncio.FIRST_COMPLETED,
        )
        for end in (writer, questions):
            end.transport.abort()
        self._open -= {writer, questions}


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            yield chunk
