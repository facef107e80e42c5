"""Which collectors run where on one server, and when they are due."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

import structlog

from monitor.collectors.build import Libraries, build
from monitor.collectors.collector import Lane, Place
from monitor.errors import TargetError
from monitor.model.server import Server
from monitor.model.state import CollectorStatus
from monitor.model.target import Target
from monitor.runtime.schedule import Job, first_due

log = structlog.get_logger()


class Roster:
    """The jobs of one target by database, the control database first."""

    def __init__(self, target: Target, libraries: Libraries) -> None:
        self._target = target
        self._libraries = libraries
        self._jobs: dict[str, list[Job]] = {}
        self.server: Server | None = None

    @property
    def databases(self) -> tuple[str, ...]:
        """Return the watched databases, the control database first."""
        return tuple(self._jobs)

    @property
    def statuses(self) -> tuple[CollectorStatus, ...]:
        """Return how every collector fares."""
        return tuple(job.status() for jobs in self._jobs.values() for job in jobs)

    def adopt(self, server: Server, control: str, now: float) -> frozenset[str]:
        """Build the collectors anew for what the server is now.

        Returns the databases that are no longer watched. `now` is monotonic.
        """
        if self.server is not None and _is_same(server, self.server):
            return frozenset()
        before = frozenset(self._jobs)
        others = (n for n in server.databases if n != control and self._is_watched(n))
        self._jobs = {
            datname: self._build(server, datname, now, is_control=datname == control)
            for datname in (control, *others)
        }
        self.server = server
        log.info(
            "server_probed",
            target=self._target.name,
            version=server.version,
            role="standby" if server.is_standby else "primary",
            databases=len(self._jobs),
            missing=[c.name for c in server.capabilities if not c.available],
        )
        return before - self._jobs.keys()

    def _build(
        self, server: Server, datname: str, now: float, *, is_control: bool
    ) -> list[Job]:
        place = Place(
            target=self._target, server=server, datname=datname, is_control=is_control
        )
        return [
            Job(collector=collector, datname=datname, due_at=now)
            for collector in build(place, self._libraries)
        ]

    def _is_watched(self, datname: str) -> bool:
        wanted = any(fnmatchcase(datname, p) for p in self._target.databases)
        refused = any(fnmatchcase(datname, p) for p in self._target.exclude_databases)
        return wanted and not refused

    def due(self, datname: str, lane: Lane, now: float) -> list[Job]:
        """Return the jobs of one database and lane that should run now."""
        return [
            job
            for job in self._jobs.get(datname, ())
            if job.collector.lane == lane and job.is_due(now)
        ]

    def hasten(self, datname: str, now: float) -> None:
        """Make jobs of a database due that could not ask before it had a catalog."""
        for job in self._jobs.get(datname, ()):
            if not job.runs_total:
                job.due_at = now

    def next_due(self, databases: Container[str], lane: Lane) -> float | None:
        """Return the monotonic moment at which the next job here is due."""
        return first_due(self._in(databases, lane))

    def _in(self, databases: Container[str], lane: Lane) -> Iterator[Job]:
        for datname, jobs in self._jobs.items():
            if datname in databases:
                yield from (job for job in jobs if job.collector.lane == lane)

    def fail(
        self, datname: str, lane: Lane, error: TargetError, now: float, stretch: float
    ) -> None:
        """Charge a lost connection to the jobs that were due on it."""
        for job in self.due(datname, lane, now):
            if job.failed(error, seconds=0.0):
                log.warning(
                    "collector_failed",
                    target=self._target.name,
                    database=datname,
                    collector=job.collector.name,
                    error=error.message,
                )
            job.plan_next(now, stretch)


def _is_same(server: Server, known: Server) -> bool:
    """Say whether nothing changed that collectors rest on.

    `databases` come busiest first, an order that changes by itself.
    """
    if set(server.databases) != set(known.databases):
        return False
    return replace(server, databases=known.databases) == known
