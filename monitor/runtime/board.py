"""Publishes states: judges and renders off the loop, then swaps one reference."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from monitor.exporters.own import daemon_page
from monitor.exporters.page import merge
from monitor.model.alert import Alert
from monitor.model.state import NotifierStatus, State, TargetState
from monitor.runtime.clock import Clock
from monitor.runtime.watch import Watch

log = structlog.get_logger()

SECONDS_BETWEEN_STATES = 0.2
LONGEST_SILENCE = timedelta(seconds=10)


Overall = Callable[[Sequence[TargetState], Sequence[Alert]], tuple[Alert, ...]]
"""Makes the alerts on the whole watch of all states, and of the former ones."""


@dataclass(slots=True)
class Standing:
    """What the daemon says of itself, changed in place by its parts."""

    instance: str
    version: str
    started_at: datetime
    config_loaded_at: datetime | None = None
    config_error: str = ""
    state_error: str = ""
    is_paused: bool = False


class Board:
    """Holds the current state; readers keep the one they got."""

    def __init__(
        self,
        standing: Standing,
        *,
        watches: Callable[[], Mapping[str, Watch]],
        notifiers: Callable[[], Sequence[NotifierStatus]],
        on_judged: Callable[[Watch, TargetState], None],
        overall: Overall,
        clock: Clock,
    ) -> None:
        self.standing = standing
        self._watches = watches
        self._notifiers = notifiers
        self._on_judged = on_judged
        self._overall = overall
        self._clock = clock
        self._states: dict[str, TargetState] = {}
        self._published: dict[str, datetime] = {}
        self._failing: set[str] = set()
        self._news: set[str] = set()
        self._has_news = asyncio.Event()
        self._publishing = asyncio.Lock()
        self._heartbeat = clock.now()
        self._state: State | None = None

    def current(self) -> State:
        """Return the last published state; never blocks."""
        state = self._state or self._assemble()
        return replace(state, heartbeat=self._heartbeat)

    def mark(self, name: str = "") -> None:
        """Note that a target has news, or with no name the daemon itself."""
        if name:
            self._news.add(name)
        self._has_news.set()

    async def run(self) -> None:
        """Publish whenever there is news, until cancelled.

        A target without news is published again, too, so that its age grows on
        the page of a scraper even if its loop hangs. Each turn is a heartbeat:
        it takes the event loop and the worker threads, and needs no target.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_SILENCE.total_seconds()):
                    await self._has_news.wait()
            now = self._clock.now()
            for name, at in self._published.items():
                if now - at > LONGEST_SILENCE:
                    self._news.add(name)
            await self.publish()
            await self._clock.sleep(SECONDS_BETWEEN_STATES)

    async def publish(self) -> None:
        """Publish a state with all news up to now."""
        async with self._publishing:
            await self._publish()

    async def _publish(self) -> None:
        self._has_news.clear()
        news, self._news = self._news, set()
        watches = self._watches()
        for name in sorted(news & watches.keys()):
            await self._refresh(name)
        for name in self._published.keys() - watches.keys():
            del self._published[name]
            self._states.pop(name, None)
            self._failing.discard(name)
        state = self._assemble()
        before = self._state.alerts if self._state else ()
        state = replace(state, alerts=self._overall(state.targets, before))
        self._state = await asyncio.to_thread(_with_metrics, state)
        self._heartbeat = self._clock.now()

    async def _refresh(self, name: str) -> None:
        """Judge and render one target; a defect there costs its own news only.

        Its last state stays then, and shows its age.
        """
        watch = self._watches().get(name)
        if watch is None:
            return
        self._published[name] = now = self._clock.now()
        try:
            sight = watch.sight(now)
            observed = await asyncio.to_thread(watch.observe, sight)
            # It may have been removed meanwhile: nobody would resolve its alerts.
            if self._watches().get(name) is not watch:
                return
            self._on_judged(watch, observed)
            state = await asyncio.to_thread(watch.render, observed, sight)
        except Exception:
            if name not in self._failing:
                log.exception("state_not_published", target=name)
            self._failing.add(name)
        else:
            self._states[name] = state
            self._failing.discard(name)
            self._heartbeat = self._clock.now()

    def _assemble(self) -> State:
        watches = self._watches()
        standing, previous = self.standing, self._state
        return State(
            generation=previous.generation + 1 if previous else 0,
            version=standing.version,
            instance=standing.instance,
            started_at=standing.started_at,
            at=self._clock.now(),
            heartbeat=self._heartbeat,
            has_finished_first_cycle=all(w.loop.has_tried for w in watches.values()),
            targets=tuple(self._states[n] for n in watches if n in self._states),
            alerts=previous.alerts if previous else (),
            notifiers=tuple(self._notifiers()),
            config_loaded_at=standing.config_loaded_at,
            config_error=standing.config_error,
            state_error=standing.state_error,
            is_paused=standing.is_paused,
            exposition=previous.exposition if previous else None,
        )


def _with_metrics(state: State) -> State:
    """Add the page of all targets and of the daemon itself."""
    pages = [t.exposition for t in state.targets if t.exposition is not None]
    return replace(state, exposition=merge(daemon_page(state), *pages))
