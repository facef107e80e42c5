"""Whole daemons in this process, in which an hour passes in three minutes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

from monitor import settings as configuration
from monitor.api.server import HttpServer
from monitor.assembly import Assembly, http_options
from monitor.model.target import Credentials
from monitor.postgres.install import install
from monitor.postgres.session import Purpose, Session
from monitor.runtime.clock import Clock
from monitor.runtime.state_file import StateFile
from monitor.settings import Settings

SPEED = 20.0
FAST = Clock(
    monotonic=lambda: time.monotonic() * SPEED,
    sleep=lambda seconds: asyncio.sleep(seconds / SPEED),
)


def settings_for(dsn: str, folder: Path, **others: object) -> Settings:
    """Return settings with one target, "orders"."""
    overrides: Mapping[str, Any] = {
        "targets": [{"name": "orders", "dsn": dsn}],
        "state_dir": str(folder),
        "instance": "test",
        **others,
    }
    return configuration.load(None, {}, overrides)


async def install_monitoring(conninfo: str) -> None:
    """Install schema monitoring, and what reports of statements need."""
    session = await Session.open(
        Credentials(conninfo=conninfo), purpose=Purpose.ACT, instance="test"
    )
    try:
        await install(session)
    finally:
        await session.close()


@contextlib.asynccontextmanager
async def running(
    settings: Settings, *, state_file: StateFile | None = None
) -> AsyncGenerator[Assembly]:
    """Run a daemon without HTTP until the block ends."""
    assembly = Assembly(settings, clock=FAST, state_file=state_file)
    task = asyncio.create_task(assembly.daemon.run())
    try:
        yield assembly
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assembly.close()


@contextlib.asynccontextmanager
async def serving(
    assembly: Assembly, settings: Settings, read: Callable[[], Settings]
) -> AsyncGenerator[str]:
    """Serve a running daemon's HTTP; gives the URL."""
    server = HttpServer(assembly.daemon, assembly.console(read), http_options(settings))
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()
