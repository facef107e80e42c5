"""Watches PgBouncer through its admin console, beside the server behind it."""

from __future__ import annotations

import structlog

from monitor.collectors import pgbouncer
from monitor.collectors.collector import Moment
from monitor.errors import TargetError
from monitor.model.target import Credentials, Target
from monitor.postgres.console import ask
from monitor.runtime.clock import Clock
from monitor.runtime.memory import Memory

log = structlog.get_logger()

SECONDS = 3.0


class PoolerWatch:
    """Reads the pools at the statements' interval; its failure is its own.

    The console is not the server: its connection does not count against the
    target's budget.
    """

    def __init__(self, target: Target, memory: Memory, clock: Clock) -> None:
        self.error = ""
        self._target = target
        self._memory = memory
        self._clock = clock

    async def run(self) -> None:
        """Watch until cancelled; returns at once where no PgBouncer is named."""
        credentials = self._target.pgbouncer
        if credentials is None:
            return
        while True:
            await self._read(credentials)
            pause = self._target.intervals.statements
            await self._clock.sleep(pause.total_seconds())

    async def _read(self, credentials: Credentials) -> None:
        try:
            replies = await ask(credentials, pgbouncer.requests(), seconds=SECONDS)
            moment = Moment(
                monotonic=self._clock.monotonic(), now=self._clock.now(), epoch=""
            )
            collected = pgbouncer.read(replies, moment)
        except TargetError as error:
            if not self.error:
                log.warning(
                    "pgbouncer_unreachable",
                    target=self._target.name,
                    error=error.message,
                )
            self.error = error.message
            return
        if self.error:
            log.info("pgbouncer_recovered", target=self._target.name)
        self.error = ""
        lifetime = self._target.intervals.statements * 3
        self._memory.absorb(
            pgbouncer.NAME,
            "",
            collected,
            expires_at=moment.monotonic + lifetime.total_seconds(),
        )
