"""Watches one server: connects, probes, polls, visits, and never gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from monitor.errors import TargetError
from monitor.exporters.prometheus import TargetExporter
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.target import Target
from monitor.postgres.probe import probe
from monitor.postgres.session import Session
from monitor.runtime.clock import Backoff, Clock
from monitor.runtime.collection import Outcome, collect
from monitor.runtime.governor import Governor
from monitor.runtime.links import Links
from monitor.runtime.loop_options import LoopOptions
from monitor.runtime.memory import Memory
from monitor.runtime.pooler_watch import PoolerWatch
from monitor.runtime.roster import Roster
from monitor.runtime.schedule import Job
from monitor.runtime.windows import WindowBook

log = structlog.get_logger()

MOST_SECONDS_BETWEEN_CONNECTS = 15.0
MOST_SECONDS_FOR_A_CYCLE = 30.0
SECONDS_BETWEEN_CHORES = 60.0
SPREAD = 1.0
SHARE_OF_INTERVAL = 0.8
"""A cycle must be over before the next one is due."""


Chore = Callable[[Session, datetime], Awaitable[None]]
"""What is done once a minute on the side connection to the control database."""


class TargetLoop:
    """One server under watch.

    Polling never waits for the side lane, which visits databases without a
    connection of their own and runs what may wait for a lock. `on_cycle` is
    called after each attempt, good or bad.
    """

    def __init__(
        self,
        target: Target,
        options: LoopOptions,
        *,
        windows: WindowBook,
        on_cycle: Callable[[], None],
    ) -> None:
        self.target = target
        self.up = False
        self.error = ""
        self.up_since: datetime | None = None
        self.last_cycle: datetime | None = None
        self.cycle_duration: timedelta | None = None
        self.has_tried = False
        self.chore: Chore | None = None
        self.chore_error = ""
        self.roster = Roster(target, options.libraries)
        self.governor = Governor(options.budget)
        self.exporter = TargetExporter(target, options.series_limits(target.profile))
        span = options.check_interval.total_seconds()
        self.memory = Memory(target, span_seconds=span, windows=windows)
        self._clock: Clock = options.clock
        self._pooler = PoolerWatch(target, self.memory, options.clock)
        self._on_cycle = on_cycle
        self._tick = target.intervals.activity.total_seconds()
        self._seconds = min(MOST_SECONDS_FOR_A_CYCLE, self._tick * SHARE_OF_INTERVAL)
        self.links = Links(
            target,
            instance=options.instance,
            clock=options.clock,
            limits=options.limits,
            poll_statement=timedelta(seconds=self._seconds),
            side_statement=options.limits.statement,
        )
        self._epoch = ""
        self._probe_due = 0.0
        self._chore_due = 0.0

    @property
    def _now(self) -> float:
        return self._clock.monotonic()

    async def run(self) -> None:
        """Watch until cancelled, then close every connection."""
        # Many targets that start together shall not poll in step for ever.
        await self._clock.sleep(self._clock.jitter() * min(SPREAD, self._tick / 5))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._poll_forever())
                group.create_task(self._visit_forever())
                group.create_task(self._pooler.run())
        finally:
            await self.links.close()

    async def _poll_forever(self) -> None:
        most = min(self._tick, MOST_SECONDS_BETWEEN_CONNECTS)
        backoff = Backoff(self._clock, most=most)
        while True:
            try:
                await self._cycle()
            except TargetError as error:
                await self.links.close_polls()
                self._went_down(error)
                wait = backoff.next()
            else:
                backoff.reset()
                wait = self._until_due()
            self._on_cycle()
            await self._clock.sleep(wait)

    async def _cycle(self) -> None:
        """Poll every database that has a connection of its own, all at once.

        Raises:
            TargetError: the control database could not be polled.
        """
        started = self._now
        session = await self.links.control()
        await self._probe_if_due(session)
        others = [name for name in self.roster.databases if name != session.dbname]
        # Both end before a failure of one counts: nobody is left to use, or to
        # open, connections that are being closed.
        outcomes, failure = await asyncio.gather(
            self._poll(session), self._poll_others(others), return_exceptions=True
        )
        if isinstance(outcomes, BaseException):
            raise outcomes
        if failure is not None:
            raise failure
        self._came_up()
        self._watch_epoch(outcomes)
        self.memory.expire(self._now)
        self.last_cycle = self._clock.now()
        self.cycle_duration = timedelta(seconds=self._now - started)

    async def _poll(self, session: Session) -> tuple[Outcome, ...]:
        jobs = self.roster.due(session.dbname, "poll", self._now)
        return await self._collect(session, jobs, self._seconds)

    async def _poll_others(self, names: Sequence[str]) -> None:
        await asyncio.gather(*map(self._poll_other, names))

    async def _poll_other(self, datname: str) -> None:
        """Poll a database beside the control one; its failure is its own."""
        try:
            session = await self.links.poll(datname)
            if session is not None:
                await self._poll(session)
        except TargetError as error:
            self._fail(datname, error)

    async def _collect(
        self, session: Session, jobs: Sequence[Job], seconds: float
    ) -> tuple[Outcome, ...]:
        outcomes = await collect(
            session,
            jobs,
            seconds=seconds,
            clock=self._clock,
            target=self.target.name,
        )
        for outcome in outcomes:
            self._absorb(outcome)
        return outcomes

    def _absorb(self, outcome: Outcome) -> None:
        job, stretch = outcome.job, self.governor.cost.stretch
        job.plan_next(self._now, stretch)
        if outcome.collected is None:
            return
        if outcome.collected.catalog is not None:
            self.roster.hasten(job.datname, self._now)
        lifetime = job.lifetime(stretch).total_seconds()
        deltas = self.memory.absorb(
            job.collector.name,
            job.datname,
            outcome.collected,
            expires_at=outcome.moment.monotonic + lifetime,
        )
        for delta in deltas:
            self.exporter.absorb(delta)
        for reading in outcome.collected.readings:
            first = reading.rows[0] if reading.rows else None
            if isinstance(first, IndexRow):
                self.memory.windows.note(reading, outcome.moment.now)
            elif isinstance(first, StatementRow) and self.roster.server is not None:
                server = self.roster.server
                self.governor.note(self.memory.view(server, outcome.moment.now))

    async def _visit_forever(self) -> None:
        while True:
            for datname in self.roster.databases:
                if self.up:
                    await self._visit(datname)
            await self._do_chore()
            await self._clock.sleep(min(1.0, self._tick))

    async def _do_chore(self) -> None:
        """Let the scribe use the side connection to the control database."""
        server = self.roster.server
        if self.chore is None or self._now < self._chore_due or not self.up:
            return
        if server is None or not server.can("monitoring_schema"):
            return
        self._chore_due = self._now + SECONDS_BETWEEN_CHORES
        try:
            session = await self.links.side(self.roster.databases[0])
            await self.chore(session, self._clock.now())
        except TargetError as error:
            if not self.chore_error:
                log.warning(
                    "reports_not_kept",
                    target=self.target.name,
                    error=error.message,
                    detail=error.detail,
                )
            self.chore_error = error.message
        else:
            self.chore_error = ""

    async def _visit(self, datname: str) -> None:
        """Run what is due in a database on the side connection, in one round trip.

        Each statement is bounded by the server; all together wait for the sum.
        """
        jobs = self.roster.due(datname, "side", self._now)
        seconds = sum(job.collector.timeout.total_seconds() for job in jobs)
        if datname not in self.links.polled:
            jobs += self.roster.due(datname, "poll", self._now)
        if not jobs:
            return
        try:
            session = await self.links.side(datname)
            bound = min(MOST_SECONDS_FOR_A_CYCLE, max(self._seconds, seconds))
            await self._collect(session, jobs, bound)
        except TargetError as error:
            self._fail(datname, error)

    def _fail(self, datname: str, error: TargetError) -> None:
        stretch = self.governor.cost.stretch
        if datname not in self.links.polled:
            self.roster.fail(datname, "poll", error, self._now, stretch)
        self.roster.fail(datname, "side", error, self._now, stretch)

    async def _probe_if_due(self, session: Session) -> None:
        if self._now < self._probe_due:
            return
        server = await probe(session)
        every = self.target.intervals.capabilities.total_seconds()
        self._probe_due = self._now + every
        for datname in self.roster.adopt(server, session.dbname, self._now):
            self.memory.forget(datname)
            self.exporter.forget(datname)
            await self.links.leave(datname)

    def _watch_epoch(self, outcomes: Sequence[Outcome]) -> None:
        """Probe again when the server was restarted, promoted or reset meanwhile."""
        for outcome in outcomes[:1]:
            if self._epoch and outcome.moment.epoch != self._epoch:
                self._probe_due = 0.0
            self._epoch = outcome.moment.epoch

    def _came_up(self) -> None:
        self.has_tried = True
        if not self.up:
            self.up, self.error, self.up_since = True, "", self._clock.now()
            log.info("target_up", target=self.target.name)

    def _went_down(self, error: TargetError) -> None:
        if self.up or not self.has_tried:
            log.error(
                "target_down",
                target=self.target.name,
                error=error.message,
                detail=error.detail,
                hint=error.hint,
            )
        self.has_tried = True
        self.up, self.up_since = False, None
        self.error = ": ".join(filter(None, (error.message, error.detail)))
        self._probe_due = 0.0
        self.memory.expire(self._now)

    def _until_due(self) -> float:
        due = self.roster.next_due(self.links.polled, "poll") or self._now + self._tick
        return max(0.05, due - self._now)
