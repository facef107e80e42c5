"""The running daemon: watches, publishing, delivery, discovery and memory as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from monitor.alerting.overall import MONITOR_BLIND, Overlook, overall
from monitor.model.alert import Alert, Told
from monitor.model.state import NotifierStatus, State, TargetState
from monitor.model.target import Target
from monitor.notifiers.notifier import Notifier
from monitor.notifiers.webhook import WebhookNotifier
from monitor.runtime.archive import Archive
from monitor.runtime.board import Board, Standing
from monitor.runtime.clock import Clock
from monitor.runtime.discovery import Discovery
from monitor.runtime.fleet import Fleet
from monitor.runtime.supervision import keep_running
from monitor.runtime.watch import Watch
from monitor.runtime.windows import WindowBook

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a daemon is made of; `make_watch` gets the daemon's way to be told.

    `forget` drops what else is kept of a target that is no longer watched.
    `overlook` gives what the alerts on the whole watch are made with.
    """

    standing: Standing
    discovery: Discovery
    archive: Archive
    notifiers: Sequence[Notifier]
    make_watch: Callable[[Target, Callable[[], None]], Watch]
    forget: Callable[[str], None]
    overlook: Callable[[], Overlook]
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
            overall=self._overall,
            clock=parts.clock,
        )
        self._discovery = parts.discovery
        self._discovering: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

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
            # A reload may have come first: then its targets count.
            if self._discovering is None:
                await self.discover(parts.discovery)
            async with asyncio.TaskGroup() as group:
                for part, run in self._running():
                    group.create_task(keep_running(run, parts.clock, part=part))
        finally:
            if self._discovering is not None:
                self._discovering.cancel()
            # A disk that is slow to write must not keep connections open.
            known = dict(self.fleet.watches)
            await asyncio.gather(parts.archive.save(known), self.fleet.close())
            await parts.archive.save_told(self._told())

    def _running(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        parts = self._parts
        yield "board", self.board.run
        yield "archive", partial(parts.archive.run, self.fleet.watches, self._told)
        for notifier in parts.notifiers:
            yield "notifier", notifier.run

    async def discover(self, discovery: Discovery) -> None:
        """Take targets from these sources from now on; the former ones are dropped.

        A source that cannot be read now keeps what it gave before.
        """
        async with self._changing:
            discovery.succeed(self._discovery)
            targets = await discovery.look()
            if self._discovering is not None:
                self._discovering.cancel()
                await asyncio.wait({self._discovering})
            self._discovery = discovery
            await self._adopt(targets)
            run = partial(discovery.run, self._adopt)
            self._discovering = asyncio.create_task(
                keep_running(run, self._parts.clock, part="discovery")
            )

    async def _adopt(self, targets: tuple[Target, ...]) -> None:
        stale = self.fleet.stale(targets)
        await self._parts.archive.save(stale)
        try:
            await self.fleet.adopt(targets)
        finally:
            for name in stale.keys() - self.fleet.watches.keys():
                self._forget(name)
            self.board.mark()

    def _forget(self, name: str) -> None:
        self._parts.forget(name)
        for notifier in self._parts.notifiers:
            notifier.withdraw(name)

    def _make_watch(self, target: Target) -> Watch:
        return self._parts.make_watch(target, lambda: self.board.mark(target.name))

    def _on_judged(self, watch: Watch, state: TargetState) -> None:
        watch.loop.memory.windows.peers = self._peers(state)
        for notifier in self._parts.notifiers:
            notifier.submit(state.target.name, state.alerts)

    def _overall(
        self, states: Sequence[TargetState], before: Sequence[Alert]
    ) -> tuple[Alert, ...]:
        """Say what is to be said of the watch as a whole, and pass it on."""
        reached = {state.target.name: state.up for state in states}
        look, now = self._parts.overlook(), self._parts.clock.now()
        alerts = overall(reached, before, look, now)
        blind = [alert for alert in alerts if alert.name == MONITOR_BLIND]
        others = [alert for alert in alerts if alert.name != MONITOR_BLIND]
        # After a start it is over only when every target has been judged.
        can_say = bool(blind) or reached.keys() >= self.fleet.watches.keys()
        for notifier in self._parts.notifiers:
            notifier.submit("", others)
            if can_say:
                notifier.submit(MONITOR_BLIND, blind)
        return alerts

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

    def _told(self) -> Mapping[str, tuple[Told, ...]]:
        """Return what receivers that keep what they are told know, and what waits."""
        return {
            notifier.key: notifier.told
            for notifier in self._parts.notifiers
            if isinstance(notifier, WebhookNotifier)
        }

    def _notifier_statuses(self) -> tuple[NotifierStatus, ...]:
        return tuple(notifier.status for notifier in self._parts.notifiers)
