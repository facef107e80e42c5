"""The watched targets: starts, stops and supervises one watch for each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

import structlog

from monitor.model.target import Target
from monitor.runtime.clock import Clock
from monitor.runtime.supervision import keep_running
from monitor.runtime.watch import Watch

log = structlog.get_logger()

SECONDS_TO_CLOSE = 4.0


class Fleet:
    """Keeps the running watches equal to the wanted targets.

    A target whose definition did not change keeps its watch, and so its
    connections, counters and findings. Where only what is probed has changed,
    only its probing starts anew.
    """

    def __init__(self, make: Callable[[Target], Watch], clock: Clock) -> None:
        self._make = make
        self._clock = clock
        self._watches: dict[str, Watch] = {}
        self._tasks: dict[str, dict[str, asyncio.Task[None]]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def watches(self) -> Mapping[str, Watch]:
        """Return the running watches by target name."""
        return self._watches

    def stale(self, targets: Iterable[Target]) -> Mapping[str, Watch]:
        """Return the watches that these targets would end, changed ones among them."""
        wanted = {target.name: target for target in targets}
        return {
            name: watch
            for name, watch in self._watches.items()
            if not _is_same(wanted.get(name), watch.loop.target)
        }

    async def adopt(self, targets: Iterable[Target]) -> None:
        """Start what is new, stop what is gone; one caller at a time.

        Changed targets are stopped before they start again: the connection
        budget holds for both together.
        """
        wanted = tuple(targets)
        await self._stop(self.stale(wanted))
        for target in wanted:
            if target.name not in self._watches:
                self._start(target.name, target)
            elif target != self._watches[target.name].loop.target:
                await self._probe_anew(target)

    def _start(self, name: str, target: Target) -> None:
        watch = self._make(target)
        self._watches[name] = watch
        self._tasks[name] = {
            part: self._run(run, part, name)
            for part, run in (
                ("loop", watch.loop.run),
                ("caretaker", watch.caretaker.run),
                ("prober", watch.prober.run),
            )
        }
        log.info("target_added", target=name)

    def _run(
        self, run: Callable[[], Awaitable[None]], part: str, name: str
    ) -> asyncio.Task[None]:
        return asyncio.create_task(
            keep_running(run, self._clock, part=part, target=name)
        )

    async def _probe_anew(self, target: Target) -> None:
        watch, tasks = self._watches[target.name], self._tasks[target.name]
        tasks["prober"].cancel()
        await asyncio.wait({tasks["prober"]}, timeout=SECONDS_TO_CLOSE)
        watch.probe_as(target)
        tasks["prober"] = self._run(watch.prober.run, "prober", target.name)
        log.info("probes_changed", target=target.name)

    async def _stop(self, names: Iterable[str]) -> None:
        for name in list(names):
            del self._watches[name]
            for task in self._tasks.pop(name).values():
                task.cancel()
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)
            log.info("target_removed", target=name)
        if self._ending:
            _, late = await asyncio.wait(self._ending, timeout=SECONDS_TO_CLOSE)
            if late:
                log.warning("connections_not_closed_in_time", tasks=len(late))

    async def close(self) -> None:
        """Stop everything, within a bound."""
        await self._stop(list(self._watches))


def _is_same(wanted: Target | None, watched: Target) -> bool:
    """Say whether a target can go on as it is watched, but for its probes."""
    if wanted is None or wanted.rls.rules != watched.rls.rules:
        return False
    return replace(wanted, rls=watched.rls) == watched
