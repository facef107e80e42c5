"""When each collector runs next, and how it has fared so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.collectors.collector import Collector
from monitor.errors import QueryTimedOut, TargetError
from monitor.model.state import CollectorStatus

FAILURES_BEFORE_BACKING_OFF = 3
TIMEOUTS_BEFORE_BACKING_OFF = 10
BACK_OFF = 10
"""A collector that keeps failing runs every tenth time, so that it does not fill
the server's log. Timeouts are given longer: a lock passes."""


@dataclass(slots=True)
class Job:
    """One collector in one database, with its schedule and its record.

    `due_at` counts seconds on the monotonic clock.
    """

    collector: Collector
    datname: str
    due_at: float
    failures: int = 0
    runs_total: int = 0
    errors_total: int = 0
    timeouts_total: int = 0
    rows: int = 0
    error: str = ""
    duration: timedelta | None = None
    last_success: datetime | None = None

    def is_due(self, monotonic: float) -> bool:
        """Say whether it should run now."""
        return not self.collector.skipped and monotonic >= self.due_at

    def succeeded(self, *, now: datetime, seconds: float, rows: int) -> None:
        """Note a good run."""
        self.runs_total += 1
        self.failures = 0
        self.error = ""
        self.rows = rows
        self.duration = timedelta(seconds=seconds)
        self.last_success = now

    def idle(self, now: datetime) -> None:
        """Note that there was nothing to ask, for instance before the first catalog."""
        self.error = ""
        self.last_success = now

    def failed(self, error: TargetError, *, seconds: float) -> bool:
        """Note a bad run; True when it had been well before, so worth a log line."""
        was_well = not self.error
        self.runs_total += 1
        self.errors_total += 1
        self.failures += 1
        self.error = error.message
        self.duration = timedelta(seconds=seconds)
        if isinstance(error, QueryTimedOut):
            self.timeouts_total += 1
        return was_well

    def plan_next(self, monotonic: float, stretch: float) -> None:
        """Move `due_at` to the next point of its grid after now.

        A grid, not now + interval: readings stay evenly spaced although a cycle
        takes time. Points that were missed are skipped, never caught up.
        """
        step = self.collector.interval.total_seconds() * stretch * self._patience()
        self.due_at += step
        if self.due_at <= monotonic:
            self.due_at = monotonic + step

    def _patience(self) -> int:
        timeouts = self.timeouts_total and self.failures <= self.timeouts_total
        limit = TIMEOUTS_BEFORE_BACKING_OFF if timeouts else FAILURES_BEFORE_BACKING_OFF
        return BACK_OFF if self.failures >= limit else 1

    def lifetime(self, stretch: float) -> timedelta:
        """Return how long a reading is served before it is withdrawn as stale."""
        return self.collector.interval * 3 * stretch

    def status(self) -> CollectorStatus:
        """Return the record for status page and metrics."""
        return CollectorStatus(
            name=self.collector.name,
            datname=self.datname,
            interval=self.collector.interval,
            last_success=self.last_success,
            duration=self.duration,
            rows=self.rows,
            runs_total=self.runs_total,
            errors_total=self.errors_total,
            timeouts_total=self.timeouts_total,
            error=self.error,
            skipped=self.collector.skipped,
        )


def first_due(jobs: Iterable[Job]) -> float | None:
    """Return the earliest moment at which any job is due; None without jobs."""
    return min((job.due_at for job in jobs if not job.collector.skipped), default=None)
