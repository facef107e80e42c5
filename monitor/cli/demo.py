"""The command `demo`: a flawed database with real traffic, watched as usual."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from monitor import app
from monitor.cli.client import Daemon
from monitor.cli.daemon import emit_state
from monitor.cli.output import output_option
from monitor.cli.render import emit_findings
from monitor.demo import gym, gym_traffic, probing, sessions, traffic
from monitor.demo.build import SERVER_SETTINGS, build, create
from monitor.demo.roles import Logins, prepare
from monitor.demo.schema import DATABASE
from monitor.errors import ConfigError
from monitor.logs import configure
from monitor.model.state import State
from monitor.postgres.grants import DDL, MAINTAINER, READER
from monitor.postgres.throwaway import ThrowawayServer
from monitor.settings import Settings, load

T = TypeVar("T")

ONCE_SECONDS = 20.0
DEFAULT_LISTEN = "127.0.0.1:9843"

SHORTENED = {
    "check_interval": "10s",
    "thresholds.idle_in_transaction.warning": "5s",
    "thresholds.blocked_backends.warning": "5s",
    "thresholds.unused_index.min_window_days": "5s",
    "alerting.hold.warning": "10s",
}
"""What takes minutes or weeks in production must show within seconds here."""

_INTERVALS = {
    "activity": "1s",
    "statements": "2s",
    "tables": "2s",
    "indexes": "2s",
    "catalog": "5s",
    "sizes": "2s",
    "texts": "2s",
}
_TOP = 12
_PAUSE_SECONDS = 2.0
_SETTLED_SECONDS = 12.0
"""Before the first deltas and windows there is little to show."""


@click.command()
@click.option("--once", is_flag=True, help="One cycle, then print it all and end.")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=ONCE_SECONDS,
    show_default=True,
    help="How long --once watches.",
)
@click.option(
    "--listen", help=f"HOST:PORT to bind. [default: {DEFAULT_LISTEN} or free]"
)
@output_option
def demo(*, once: bool, seconds: float, listen: str | None, output: str) -> int:
    """Watch a flawed application on a PostgreSQL of its own, until Ctrl-C.

    Nothing is needed but `pip install pgvigil[demo]`, nothing is left behind.
    """
    if sys.platform == "win32":
        raise ConfigError("the demo does not run on Windows", hint="Use WSL.")
    _forget_environment()
    progress = Progress(is_shown=sys.stderr.isatty() or not once)
    configure(level="warning")
    if once:
        state = asyncio.run(_stopped_by_signals(_once(seconds, progress)))
        emit_state(state, output)
        return 0
    address = listen or _free_address()
    # Ctrl-C is how it is meant to end, whenever it comes.
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_stopped_by_signals(_serve(address, progress)))
    click.echo("\nstopped; nothing is left behind")
    return 0


class Progress:
    """Says on standard error what takes time, and how long it has taken."""

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._start = time.monotonic()

    def __call__(self, what: str) -> None:
        """Note that something begins."""
        if self._is_shown:
            elapsed = time.monotonic() - self._start
            click.echo(f"{elapsed:5.1f} s  {what}", err=True)


@dataclass(frozen=True, slots=True)
class Stage:
    """The running server with its applications, and the settings that watch it."""

    server: ThrowawayServer
    settings: Settings


@asynccontextmanager
async def _stage(listen: str, progress: Progress) -> AsyncGenerator[Stage]:
    """Set everything up and let the application work; take it all away at the end."""
    progress("starting PostgreSQL")
    with (
        tempfile.TemporaryDirectory(prefix="pgvigil-demo-") as state_dir,
        ThrowawayServer(SERVER_SETTINGS) as server,
    ):
        progress(f"creating the application's database {DATABASE!r}")
        shop = await create(server)
        progress(f"installing the platform in database {gym.DATABASE!r} beside it")
        async with asyncio.TaskGroup() as group:
            group.create_task(build(shop, progress))
            platform = group.create_task(gym.build(server, shop))
        progress("creating pgvigil's roles, installing schema monitoring")
        logins = await prepare(server)
        settings = load(None, {}, overrides(server, logins, listen, state_dir))
        tasks = [
            asyncio.create_task(traffic.run(shop.traffic)),
            asyncio.create_task(sessions.misbehave(shop.traffic)),
            asyncio.create_task(gym_traffic.run(platform.result())),
        ]
        try:
            yield Stage(server, settings)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def _once(seconds: float, progress: Progress) -> State:
    async with _stage(DEFAULT_LISTEN, progress) as stage:
        progress(f"watching for {seconds:g} s")
        return await app.once(stage.settings, seconds=seconds)


async def _serve(listen: str, progress: Progress) -> None:
    async with _stage(listen, progress) as stage:
        progress("watching; the first findings come within seconds")
        _introduce(stage, listen)
        running = asyncio.create_task(app.run(stage.settings, environ={}))
        announcing = asyncio.create_task(_announce(Daemon(url=f"http://{listen}")))
        try:
            await asyncio.wait(
                {running, announcing}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            announcing.cancel()
            running.cancel()
            await asyncio.wait({running, announcing})
        for task in (running, announcing):
            if not task.cancelled():
                task.result()


def _introduce(stage: Stage, listen: str) -> None:
    url = f"http://{listen}"
    place = f"port {stage.server.port} of {stage.server.host}"
    for name, value in (
        ("page", f"{url}/"),
        ("metrics", f"{url}/metrics"),
        ("findings", f"{url}/api/v1/findings"),
        ("database", f"{place}: {DATABASE} has flaws, {gym.DATABASE} has none"),
    ):
        click.echo(f"  {name:<9} {value}")
    click.echo("  windows are shortened by ordinary settings, for the demo only:")
    probed = {f"targets[].rls.{key}": value for key, value in probing.SHORTENED.items()}
    for key, value in {**SHORTENED, **probed}.items():
        click.echo(f"            {key}: {value}")
    click.echo("  Ctrl-C ends it all\n")


async def _announce(daemon: Daemon) -> None:
    """Print the top findings once things have settled, then each new one."""
    await asyncio.sleep(_SETTLED_SECONDS)
    found = await _ask(daemon)
    click.echo(f"{len(found)} findings; the most urgent:\n")
    emit_findings(found[:_TOP])
    seen = {finding["id"] for finding in found}
    while True:
        await asyncio.sleep(_PAUSE_SECONDS)
        new = [one for one in await _ask(daemon) if one["id"] not in seen]
        seen |= {finding["id"] for finding in new}
        if new:
            emit_findings(new)


async def _ask(daemon: Daemon) -> list[dict[str, Any]]:
    answer = await asyncio.to_thread(daemon.get, "/api/v1/findings")
    return [one for one in answer["findings"] if one["state"] == "open"]


def overrides(
    server: ThrowawayServer, logins: Logins, listen: str, state_dir: str
) -> dict[str, Any]:
    """Return the demo's settings, as a settings file would have them."""
    tree: dict[str, Any] = {
        "instance": "demo",
        "state_dir": state_dir,
        "http": {"listen": listen},
        "targets": [
            {
                "name": "demo",
                "dsn": server.conninfo(DATABASE, READER, logins.passwords[READER]),
                "databases": [DATABASE, gym.DATABASE],
                "intervals": _INTERVALS,
                "maintainer": {
                    "user": MAINTAINER,
                    "password": logins.passwords[MAINTAINER],
                },
                "ddl": {"user": DDL, "password": logins.passwords[DDL]},
                "rls": probing.settings(logins),
            }
        ],
    }
    for key, value in SHORTENED.items():
        *path, last = key.split(".")
        inner = tree
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return tree


def _forget_environment() -> None:
    """Keep the caller's own connection settings away from the demo's server."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def _free_address() -> str:
    """Return the usual address, or another port where that is taken."""
    host, _, port = DEFAULT_LISTEN.rpartition(":")
    for candidate in (int(port), 0):
        with socket.socket() as probe:
            # As the daemon does: a port whose old connections linger is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return f"{host}:{probe.getsockname()[1]}"
    return DEFAULT_LISTEN


async def _stopped_by_signals(work: Coroutine[Any, Any, T]) -> T:
    """Let both signals end the demo so that it cleans up.

    SIGINT, too: a shell starts what runs in the background with it ignored.
    """
    task = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
