"""Backoff between attempts to connect."""

from __future__ import annotations

from monitor.runtime.clock import Backoff, Clock


def test_backoff_doubles_its_bound_up_to_the_most() -> None:
    backoff = Backoff(Clock(jitter=lambda: 1.0), most=1.0)

    waits = [round(backoff.next(), 1) for _ in range(6)]

    assert waits == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_backoff_has_full_jitter() -> None:
    backoff = Backoff(Clock(jitter=lambda: 0.0), most=1.0)

    assert backoff.next() == 0.0


def test_backoff_starts_small_again_after_a_success() -> None:
    backoff = Backoff(Clock(jitter=lambda: 1.0), most=10.0)
    for _ in range(5):
        backoff.next()

    backoff.reset()

    assert backoff.next() == 0.1


def test_backoff_never_waits_longer_than_a_short_interval() -> None:
    backoff = Backoff(Clock(jitter=lambda: 1.0), most=0.05)

    assert [backoff.next(), backoff.next()] == [0.05, 0.05]
