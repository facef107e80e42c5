"""Runs pgvigil: settings in, a daemon until a signal, or one honest cycle."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import structlog

from monitor.api.server import HttpServer
from monitor.assembly import Assembly, Reload, http_options
from monitor.errors import ConfigError, StateError
from monitor.model.action import ActionMode
from monitor.model.state import State
from monitor.runtime import systemd
from monitor.runtime.clock import Clock
from monitor.runtime.state_file import StateFile
from monitor.settings import Settings
from monitor.settings.targets import without_probes

log = structlog.get_logger()

PATIENCE = timedelta(seconds=15)
LONGEST_SILENCE = timedelta(seconds=60)
"""Without a turn of the scheduler for so long, systemd's watchdog goes unfed."""


async def run(
    settings: Settings,
    *,
    read: Reload | None = None,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Run the daemon until SIGTERM or SIGINT; SIGHUP reads the settings again.

    Returns the exit status. `read` is how a reload gets its settings; without it
    a reload changes nothing.

    Raises:
        MonitorError: it could not start.
    """
    state_file, state_error = _open_state(settings)
    assembly = Assembly(settings, state_file=state_file, state_error=state_error)
    again = read or (lambda: settings)
    serving = asyncio.create_task(_serve(assembly, settings, again, environ))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(_reload(assembly, again))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    log.info("stopped")
    return 0


async def _serve(
    assembly: Assembly, settings: Settings, read: Reload, environ: Mapping[str, str]
) -> None:
    daemon = assembly.daemon
    server = HttpServer(daemon, assembly.console(read), http_options(settings))
    try:
        await server.start()
        log.info("listening", url=server.url)
        systemd.notify(environ, "READY=1", f"STATUS=listening on {server.url}")
        async with asyncio.TaskGroup() as group:
            group.create_task(daemon.run())
            group.create_task(_feed_watchdog(assembly, environ))
    finally:
        systemd.notify(environ, "STOPPING=1")
        await server.stop()
        assembly.close()


async def _feed_watchdog(assembly: Assembly, environ: Mapping[str, str]) -> None:
    """Tell systemd that we live, as long as the scheduler turns."""
    every = systemd.watchdog_seconds(environ)
    while every is not None:
        state = assembly.daemon.current()
        if assembly.clock.now() - state.heartbeat < LONGEST_SILENCE:
            systemd.notify(environ, "WATCHDOG=1")
        await assembly.clock.sleep(every)


async def _reload(assembly: Assembly, read: Reload) -> None:
    with contextlib.suppress(ConfigError):
        await assembly.reload(read)


async def once(settings: Settings, *, seconds: float) -> State:
    """Watch for a while without HTTP, state file or delivery; return the state.

    Writes nothing, whatever the settings allow a daemon: neither reports nor
    actions; it probes nothing; edited thresholds count.
    Long enough for deltas when `seconds` spans two statement intervals. A target
    that has not answered by then is given `PATIENCE` more.
    """
    assembly = Assembly(_harmless(settings), reported=lambda _: None)
    daemon = assembly.daemon
    running = asyncio.create_task(daemon.run())
    await asyncio.wait({running}, timeout=seconds)
    patience = int(PATIENCE.total_seconds() / 0.1)
    while patience and not all(w.loop.has_tried for w in daemon.watches.values()):
        patience -= 1
        await asyncio.wait({running}, timeout=0.1)
    if running.done():
        running.result()
    for name in daemon.watches:
        daemon.board.mark(name)
    await daemon.board.publish()
    state = daemon.current()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return state


def _harmless(settings: Settings) -> Settings:
    """Return settings that neither deliver, act nor probe.

    Without a state file nobody would know what was probed this hour already.
    """
    alerting = settings.alerting.model_copy(update={"alertmanagers": ()})
    wanted = settings.maintenance
    modes = {kind: _at_most_dry_run(mode) for kind, mode in wanted.modes.items()}
    maintenance = wanted.model_copy(
        update={"mode": _at_most_dry_run(wanted.mode), "modes": modes}
    )
    return settings.model_copy(
        update={
            "alerting": alerting,
            "maintenance": maintenance,
            "targets": tuple(map(without_probes, settings.targets)),
            "target_defaults": without_probes(settings.target_defaults),
        }
    )


def _at_most_dry_run(mode: ActionMode) -> ActionMode:
    return mode if mode is ActionMode.OFF else ActionMode.DRY_RUN


def _open_state(settings: Settings) -> tuple[StateFile | None, str]:
    """Open the state file; without one the daemon works and says what is lost."""
    try:
        return StateFile.open(Path(settings.state_dir), Clock().now()), ""
    except StateError as error:
        log.warning("state_unavailable", error=error.message, detail=error.detail)
        return None, error.message
