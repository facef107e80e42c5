"""The running daemon: watches, publishing, delivery, discovery and memory as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from monitor.model.state import NotifierStatus, State, TargetState
from monitor.model.target import Target
from monitor.notifiers.alertmanager import AlertmanagerNotifier
from monitor.runtime.archive import Archive
from monitor.runtime.board import Board, Standing
from monitor.runtime.clock import Clock
from monitor.runtime.discovery import Discovery
from monitor.runtime.fleet import Fleet
from monitor.runtime.watch import Watch
from monitor.runtime.windows import WindowBook

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a daemon is made of; `make_watch` gets the daemon's way to be told."""

    standing: Standing
    discovery: Discovery
    archive: Archive
    notifiers: Sequence[AlertmanagerNotifier]
    make_watch: Callable[[Target, Callable[[], None]], Watch]
    clock: Clock


class Daemon:
    """Watches all targets and publishes what it sees, until cancelled."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.fleet = Fleet(self._make_watch, parts.clock)
        self.board = Board(
            parts.standing,
            watches=lambda: self.fleet.watches,
            notifiers=self._notifier_statuses,
            on_judged=self._on_judged,
            clock=parts.clock,
        )
        self._discovery = parts.discovery
        self._discovering: asyncio.Task[None] | None = None

    def current(self) -> State:
        """Return the last published state."""
        return self.board.current()

    @property
    def watches(self) -> Mapping[str, Watch]:
        """Return the running watches by target name."""
        return self.fleet.watches

    async def run(self) -> None:
        """Run until cancelled, then stop every watch and keep what is known."""
        parts = self._parts
        try:
            await self.discover(parts.discovery)
            async with asyncio.TaskGroup() as group:
                group.create_task(self.board.run())
                group.create_task(parts.archive.run(self.fleet.watches))
                for notifier in parts.notifiers:
                    group.create_task(notifier.run())
        finally:
            if self._discovering is not None:
                self._discovering.cancel()
            await parts.archive.save(self.fleet.watches)
            await self.fleet.close()

    async def discover(self, discovery: Discovery) -> None:
        """Take targets from these sources from now on; the former ones are dropped."""
        if self._discovering is not None:
            self._discovering.cancel()
        self._discovery = discovery
        await self.fleet.adopt(await discovery.look())
        self._discovering = asyncio.create_task(discovery.run(self._adopt))
        self.board.mark()

    async def _adopt(self, targets: tuple[Target, ...]) -> None:
        await self._parts.archive.save(self.fleet.watches)
        await self.fleet.adopt(targets)
        self.board.mark()

    def _make_watch(self, target: Target) -> Watch:
        return self._parts.make_watch(target, lambda: self.board.mark(target.name))

    def _on_judged(self, watch: Watch, state: TargetState) -> None:
        watch.loop.memory.windows.peers = self._peers(state)
        for notifier in self._parts.notifiers:
            notifier.submit(state.target.name, state.alerts)

    def _peers(self, state: TargetState) -> Mapping[str, WindowBook]:
        """Return the windows of this cluster's standbys that are watched, too."""
        if state.server is None or state.server.is_standby:
            return {}
        identifier = state.server.system_identifier
        return {
            name: watch.loop.memory.windows
            for name, watch in self.fleet.watches.items()
            if (server := watch.loop.roster.server) is not None
            and server.is_standby
            and identifier is not None
            and server.system_identifier == identifier
        }

    def _notifier_statuses(self) -> tuple[NotifierStatus, ...]:
        return tuple(notifier.status for notifier in self._parts.notifiers)
