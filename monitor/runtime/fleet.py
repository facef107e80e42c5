"""The watched targets: starts, stops and supervises one watch for each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from monitor.model.target import Target
from monitor.runtime.clock import Backoff, Clock
from monitor.runtime.watch import Watch

log = structlog.get_logger()

MOST_SECONDS_BEFORE_RESTART = 60.0
SECONDS_TO_CLOSE = 4.0


class Fleet:
    """Keeps the running watches equal to the wanted targets.

    A target whose definition did not change keeps its watch, and so its
    connections, counters and findings.
    """

    def __init__(self, make: Callable[[Target], Watch], clock: Clock) -> None:
        self._make = make
        self._clock = clock
        self._watches: dict[str, Watch] = {}
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}

    @property
    def watches(self) -> Mapping[str, Watch]:
        """Return the running watches by target name."""
        return self._watches

    async def adopt(self, targets: Iterable[Target], *, anew: bool = False) -> None:
        """Start what is new, stop what is gone; `anew` replaces everything.

        Changed targets are stopped before they start again: the connection
        budget holds for both together.
        """
        wanted = {target.name: target for target in targets}
        stale = [
            name
            for name, watch in self._watches.items()
            if anew or wanted.get(name) != watch.loop.target
        ]
        await self._stop(stale)
        for name, target in wanted.items():
            if name not in self._watches:
                self._start(name, target)

    def _start(self, name: str, target: Target) -> None:
        watch = self._make(target)
        self._watches[name] = watch
        self._tasks[name] = [
            asyncio.create_task(self._supervise(name, watch.loop.run)),
            asyncio.create_task(self._supervise(name, watch.caretaker.run)),
        ]
        log.info("target_added", target=name)

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a part of a watch for ever: a defect in it costs its target only."""
        backoff = Backoff(self._clock, most=MOST_SECONDS_BEFORE_RESTART, first=1.0)
        while True:
            try:
                await run()
            except Exception:
                log.exception("watch_crashed", target=name)
            await self._clock.sleep(backoff.next())

    async def _stop(self, names: Iterable[str]) -> None:
        tasks: list[asyncio.Task[None]] = []
        for name in names:
            tasks.extend(self._tasks.pop(name))
            del self._watches[name]
            log.info("target_removed", target=name)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=SECONDS_TO_CLOSE)

    async def close(self) -> None:
        """Stop everything, within a bound."""
        await self._stop(list(self._watches))
