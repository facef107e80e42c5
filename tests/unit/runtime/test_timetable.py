"""When each round of probes is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import inf

from monitor.runtime.clock import Clock
from monitor.runtime.timetable import SOON, Timetable

KEY = ("table", "app", "1", "alice")
QUARTER = timedelta(minutes=15)
SECONDS = QUARTER.total_seconds()


@dataclass
class Time:
    at: float = 0.0

    @property
    def table(self) -> Timetable:
        return Timetable(Clock(monotonic=lambda: self.at, jitter=lambda: 0.5))


def is_due(table: Timetable, time: Time, at: float) -> bool:
    time.at = at
    return table.overdue(KEY) is not None


def test_a_round_never_run_is_due_at_once() -> None:
    assert Time().table.overdue(KEY) == inf


def test_a_round_is_due_again_after_an_interval() -> None:
    time = Time()
    table = time.table

    table.done(KEY, every=QUARTER, seconds=0.5, backs_off=False)

    assert not is_due(table, time, SECONDS - 1)
    assert is_due(table, time, SECONDS)
    assert table.seconds(KEY) == 0.5


def test_a_round_that_fails_comes_half_as_often_each_time() -> None:
    time = Time()
    table = time.table

    for _ in range(3):
        table.done(KEY, every=QUARTER, seconds=0.5, backs_off=True)

    assert not is_due(table, time, 8 * SECONDS - 1)
    assert is_due(table, time, 8 * SECONDS)


def test_a_good_round_ends_the_waiting() -> None:
    time = Time()
    table = time.table
    table.done(KEY, every=QUARTER, seconds=0.5, backs_off=True)

    table.done(KEY, every=QUARTER, seconds=0.5, backs_off=False)

    assert table.failures(KEY) == 0
    assert is_due(table, time, SECONDS)


def test_jitter_keeps_rounds_from_falling_into_step() -> None:
    time = Time()
    early = Timetable(Clock(monotonic=lambda: time.at, jitter=lambda: 0.0))
    late = Timetable(Clock(monotonic=lambda: time.at, jitter=lambda: 1.0))

    for table in (early, late):
        table.done(KEY, every=QUARTER, seconds=0.5, backs_off=False)

    assert is_due(early, time, 0.9 * SECONDS)
    assert not is_due(late, time, 1.1 * SECONDS - 1)


def test_a_restart_goes_on_where_the_interval_was() -> None:
    time = Time()
    table = time.table

    table.resume(KEY, every=QUARTER, age=timedelta(minutes=10))

    assert not is_due(table, time, 299)
    assert is_due(table, time, 300)


def test_a_changed_policy_is_probed_soon() -> None:
    time = Time()
    table = time.table
    table.done(KEY, every=QUARTER, seconds=0.5, backs_off=True)

    table.hasten(KEY)

    assert is_due(table, time, SOON.total_seconds())
    assert table.failures(KEY) == 0


def test_what_is_no_longer_possible_is_forgotten_once_it_is_due() -> None:
    time = Time()
    table = time.table
    table.done(KEY, every=QUARTER, seconds=0.5, backs_off=True)

    table.keep([])
    before = table.failures(KEY)
    time.at = 3 * SECONDS
    table.keep([])

    assert (before, table.failures(KEY)) == (1, 0)
