"""Keeps each target's memory in the state file, and brings it back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import structlog

from monitor.errors import StateError
from monitor.model.alert import Told
from monitor.model.finding import Mute
from monitor.runtime.board import Standing
from monitor.runtime.clock import Clock
from monitor.runtime.state_file import Saved, StateFile
from monitor.runtime.watch import Watch

log = structlog.get_logger()

SECONDS_BETWEEN_SAVES = 60.0


class Archive:
    """The state file as the daemon uses it; without one, nothing is remembered.

    A disk that cannot be written degrades memory, never observation.
    """

    def __init__(
        self, file: StateFile | None, standing: Standing, clock: Clock
    ) -> None:
        self._file = file
        self._standing = standing
        self._clock = clock
        self._is_failing = False
        self._writing = asyncio.Lock()
        self.mutes: dict[str, Mute] = file.load_mutes() if file else {}
        self._announce()

    def _announce(self) -> None:
        if self._file is not None and self._file.notice:
            self._standing.state_error = self._file.notice
            log.warning("state_lost", detail=self._file.notice)
            self._file.notice = ""

    def load(self, target: str) -> Saved:
        """Return what is remembered of a target."""
        if self._file is None:
            return Saved()
        saved = self._file.load(target)
        self._announce()
        return saved

    def load_told(self, receiver: str) -> tuple[Told, ...]:
        """Return what a receiver was told, and was to be told."""
        return self._file.load_told(receiver) if self._file else ()

    async def save_told(self, told: Mapping[str, tuple[Told, ...]]) -> None:
        """Keep what receivers know, so that a restart neither repeats nor forgets."""
        if self._file is not None and told:
            await self._write(partial(self._file.save_told, told))

    async def save_mutes(self) -> None:
        """Keep the mutes at once: they are an operator's word."""
        now = self._clock.now()
        for finding_id in [i for i, m in self.mutes.items() if m.until <= now]:
            del self.mutes[finding_id]
        if self._file is not None:
            await self._write(partial(self._file.save_mutes, dict(self.mutes)))

    async def save(self, watches: Mapping[str, Watch]) -> None:
        """Keep what is known of these targets."""
        if self._file is None:
            return
        for name, watch in list(watches.items()):
            saved = Saved(
                findings=watch.judge.findings,
                alerts=watch.judge.alerts,
                # The loop goes on changing the windows while a thread writes them.
                windows=watch.loop.memory.windows.snapshot(),
                probes=watch.prober.saved,
                baselines=watch.drift.baselines,
            )
            await self._write(partial(self._file.save, name, saved))

    async def run(
        self,
        watches: Mapping[str, Watch],
        told: Callable[[], Mapping[str, tuple[Told, ...]]],
    ) -> None:
        """Save every minute, until cancelled; `told` is what receivers know."""
        while True:
            await self._clock.sleep(SECONDS_BETWEEN_SAVES)
            await self.save(watches)
            await self.save_told(told())

    async def _write(self, write: Callable[[], None]) -> None:
        try:
            async with self._writing:
                await asyncio.to_thread(write)
        except StateError as error:
            if not self._is_failing:
                log.warning("state_not_saved", error=error.message, detail=error.detail)
            self._is_failing, self._standing.state_error = True, error.message
        else:
            if self._is_failing:
                log.info("state_saved_again")
                self._is_failing, self._standing.state_error = False, ""

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
