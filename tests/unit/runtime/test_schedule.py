"""When collectors run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from monitor.collectors.collector import Collected, Lane, Moment
from monitor.errors import InsufficientPrivilege, QueryTimedOut
from monitor.postgres.request import Reply, Request
from monitor.runtime.schedule import BACK_OFF, Job, first_due

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(slots=True)
class Idle:
    """A collector that asks nothing."""

    name: str = "idle"
    lane: Lane = "poll"
    interval: timedelta = timedelta(seconds=10)
    timeout: timedelta = timedelta(seconds=1)
    skipped: str = ""

    def requests(self) -> tuple[Request, ...]:
        return ()

    def read(self, replies: Sequence[Reply], moment: Moment) -> Collected:
        del replies, moment
        return Collected()


def job(**changes: str) -> Job:
    return Job(collector=Idle(**changes), datname="app", due_at=100.0)  # pyright: ignore[reportArgumentType]


def test_a_job_is_due_at_its_time() -> None:
    assert [job().is_due(99.9), job().is_due(100.0)] == [False, True]


def test_a_skipped_job_is_never_due() -> None:
    assert not job(skipped="runs on a standby only").is_due(1e9)


def test_the_grid_does_not_drift_when_a_cycle_takes_time() -> None:
    one = job()

    one.plan_next(100.7, 1.0)

    assert one.due_at == 110.0


def test_missed_points_are_skipped() -> None:
    one = job()

    one.plan_next(147.0, 1.0)

    assert one.due_at == 157.0


def test_the_governor_stretches_the_interval() -> None:
    one = job()

    one.plan_next(100.0, 3.0)

    assert one.due_at == 130.0


def test_a_job_that_keeps_failing_runs_every_tenth_time() -> None:
    one = job()
    for _ in range(3):
        one.failed(InsufficientPrivilege("could not read"), seconds=0.1)

    one.plan_next(100.0, 1.0)

    assert one.due_at == 100.0 + 10 * BACK_OFF


def test_a_lock_that_passes_does_not_make_it_wait() -> None:
    one = job()
    for _ in range(9):
        one.failed(QueryTimedOut("lock timeout"), seconds=0.1)

    one.plan_next(100.0, 1.0)

    assert one.due_at == 110.0


def test_one_success_ends_the_back_off() -> None:
    one = job()
    for _ in range(5):
        one.failed(InsufficientPrivilege("could not read"), seconds=0.1)
    one.succeeded(now=NOW, seconds=0.1, rows=1)

    one.plan_next(100.0, 1.0)

    assert one.due_at == 110.0


def test_a_failure_is_news_once() -> None:
    one = job()
    error = InsufficientPrivilege("could not read")

    news = [one.failed(error, seconds=0.1) for _ in range(3)]
    one.succeeded(now=NOW, seconds=0.1, rows=1)

    assert news == [True, False, False]
    assert one.failed(error, seconds=0.1)


def test_the_record_shows_in_the_status() -> None:
    one = job()
    one.failed(QueryTimedOut("lock timeout"), seconds=0.25)

    status = one.status()

    assert (status.runs_total, status.errors_total, status.timeouts_total) == (1, 1, 1)
    assert status.error == "lock timeout"
    assert status.duration == timedelta(seconds=0.25)


def test_having_nothing_to_ask_is_not_a_run() -> None:
    one = job()

    one.idle(NOW)

    assert (one.runs_total, one.last_success) == (0, NOW)


def test_a_reading_lives_three_intervals() -> None:
    assert job().lifetime(2.0) == timedelta(seconds=60)


def test_skipped_jobs_do_not_decide_when_to_wake() -> None:
    early, late = job(skipped="no"), job()
    late.due_at = 500.0

    assert first_due([early, late]) == 500.0
    assert first_due([early]) is None
