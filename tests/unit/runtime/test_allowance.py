"""How much execution time probes may take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.runtime.allowance import HOUR, Allowance

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_what_was_spent_comes_back_after_an_hour() -> None:
    allowance = Allowance(30.0)
    allowance.spend(12.0, NOW)

    before = allowance.left(NOW + HOUR - MINUTE)
    after = allowance.left(NOW + HOUR)

    assert (before, after) == (18.0, 30.0)
    assert allowance.total == 12.0


def test_an_overdrawn_allowance_has_nothing_left() -> None:
    allowance = Allowance(1.0)

    allowance.spend(5.0, NOW)

    assert allowance.left(NOW) == 0.0


def test_a_restart_does_not_renew_the_allowance() -> None:
    before = Allowance(30.0)
    before.spend(12.0, NOW)

    after = Allowance(30.0, before.kept)

    assert after.left(NOW + MINUTE) == 18.0
    assert after.total == 0.0


def test_a_clock_set_back_frees_what_it_can_no_longer_place() -> None:
    allowance = Allowance(30.0)
    allowance.spend(12.0, NOW)

    assert allowance.spent(NOW - HOUR) == 0.0


@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0.01, 2.0)), max_size=200))
def test_no_hour_costs_more_than_allowed_and_one_round(
    rounds: list[tuple[int, float]],
) -> None:
    allowance, at = Allowance(10.0), NOW
    spent: list[tuple[datetime, float]] = []
    for pause, cost in rounds:
        at += timedelta(seconds=pause)
        if cost <= allowance.left(at):
            allowance.spend(cost, at)
            spent.append((at, cost))

    hours = [
        sum(cost for at, cost in spent if start <= at < start + HOUR)
        for start, _ in spent
    ]

    assert max(hours, default=0.0) <= 10.0 + 1e-9
    assert len(allowance.kept) <= 61
