"""What a row costs is found again in timings that noise was added to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.rls import Guarded, UnitCost
from monitor.rls.unit_cost import Pair, difference, quietest, row_cost, undisturbed

SMALL, LARGE = 1_000, 15_000
SCAN = 50e-9
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def pair(
    per_row: float, *, fixed: float = 0.0, noise: tuple[float, ...] = (0.0,) * 4
) -> Pair:
    """Return a pair's timings for a known cost; noise only lengthens them."""
    exact = (
        fixed + SMALL * (SCAN + per_row),
        SMALL * SCAN,
        fixed + LARGE * (SCAN + per_row),
        LARGE * SCAN,
    )
    return Pair(*[time + added for time, added in zip(exact, noise, strict=True)])


def probed(per_row: float, minutes: int, *, scan: float = SCAN) -> UnitCost:
    """Return one round's published figure."""
    table = Guarded(
        database="app", relid=1, schemaname="public", relname="notes", role="user"
    )
    return UnitCost(
        table=table,
        persona="alice",
        policy_set="hash",
        status="ok",
        per_row=per_row,
        scan_per_row=scan,
        at=NOW + timedelta(minutes=minutes),
    )


costs = st.floats(min_value=0.2e-6, max_value=1e-3)
starts = st.floats(min_value=0.0, max_value=0.1)
noises = st.tuples(*[st.floats(min_value=0.0, max_value=0.5)] * 4)


@given(per_row=costs, fixed=starts, count=st.integers(min_value=3, max_value=21))
def test_without_noise_the_cost_is_exact(
    per_row: float, fixed: float, count: int
) -> None:
    cost = row_cost([pair(per_row, fixed=fixed)] * count, SMALL, LARGE)

    assert cost.status == "ok"
    assert cost.per_row == pytest.approx(per_row)
    assert cost.fixed == pytest.approx(fixed, abs=1e-9)
    assert cost.scan == pytest.approx(SCAN)
    assert (cost.pairs, cost.dropped_pairs) == (count, 0)


@given(per_row=costs, noisy=st.lists(noises, max_size=12))
def test_three_quiet_pairs_are_enough_whatever_happens_in_the_others(
    per_row: float, noisy: list[tuple[float, ...]]
) -> None:
    pairs = [pair(per_row, noise=noise) for noise in noisy] + [pair(per_row)] * 3

    cost = row_cost(pairs, SMALL, LARGE)

    assert cost.per_row == pytest.approx(per_row)
    assert cost.low is not None
    assert cost.high is not None
    assert cost.low <= per_row <= cost.high
    assert cost.pairs + cost.dropped_pairs == len(pairs)


@given(per_row=costs, noisy=st.lists(noises, min_size=3, max_size=12))
def test_the_spread_holds_the_figure_and_a_doubtful_one_says_why(
    per_row: float, noisy: list[tuple[float, ...]]
) -> None:
    cost = row_cost([pair(per_row, noise=n) for n in noisy], SMALL, LARGE)

    assert (cost.status == "ok") == (cost.reason == "")
    if cost.per_row is not None:
        assert cost.low is not None
        assert cost.high is not None
        assert cost.low <= cost.per_row <= cost.high


@given(noisy=st.lists(noises, min_size=3, max_size=12), data=st.data())
def test_the_order_of_pairs_does_not_matter(
    noisy: list[tuple[float, ...]], data: st.DataObject
) -> None:
    pairs = [pair(1e-6, noise=noise) for noise in noisy]
    shuffled = data.draw(st.permutations(pairs))

    assert row_cost(pairs, SMALL, LARGE) == row_cost(shuffled, SMALL, LARGE)


def test_executions_longer_than_half_as_much_again_are_dropped() -> None:
    slow = pair(1e-6, noise=(0.0, 0.0, 0.6 * LARGE * (SCAN + 1e-6), 0.0))
    bearable = pair(1e-6, noise=(0.0, 0.0, 0.4 * LARGE * (SCAN + 1e-6), 0.0))

    assert undisturbed([pair(1e-6)] * 3 + [slow]) == 3
    assert undisturbed([pair(1e-6)] * 3 + [bearable]) == 4


def test_too_few_undisturbed_pairs_give_no_figure() -> None:
    slow = pair(1e-6, noise=(0.0, 0.0, 1.0, 0.0))

    cost = row_cost([pair(1e-6), pair(1e-6), slow, slow], SMALL, LARGE)

    assert (cost.status, cost.reason) == ("unstable", "2 of 4 pairs were disturbed")
    assert cost.per_row is None


def test_samples_of_the_same_size_give_no_figure() -> None:
    cost = row_cost([pair(1e-6)] * 7, LARGE, LARGE)

    assert cost.status == "unstable"
    assert cost.reason == "the samples do not differ in rows"


def test_no_pairs_give_no_figure() -> None:
    cost = row_cost([], SMALL, LARGE)

    assert (cost.status, cost.per_row) == ("unstable", None)


def test_a_cost_that_cannot_be_told_from_nothing_is_withheld() -> None:
    cost = row_cost([pair(1e-9)] * 7, SMALL, LARGE)

    assert (cost.status, cost.reason) == (
        "unstable",
        "too cheap to be told from nothing",
    )


def test_a_small_cost_that_can_be_told_from_nothing_is_not_withheld() -> None:
    cost = row_cost([pair(20e-9)] * 7, SMALL, LARGE)

    assert cost.status == "ok"


def test_pairs_that_differ_too_much_are_not_published() -> None:
    wide = [pair(50e-9)] + [pair(50e-9, noise=(0.0, 0.0, 0.7e-3, 0.0))] * 2

    cost = row_cost(wide, SMALL, LARGE)

    assert (cost.status, cost.reason) == ("unstable", "the pairs differ too much")
    assert cost.per_row == pytest.approx(50e-9)


def test_a_policy_that_gives_an_index_has_a_negative_difference() -> None:
    cost = difference([(0.001, 0.010)] * 5)

    assert cost.status == "ok"
    assert cost.low is not None
    assert cost.high is not None
    assert cost.low <= -0.009 <= cost.high < 0


def test_a_statement_that_was_disturbed_throughout_has_no_difference() -> None:
    cost = difference([(0.01, 0.01), (0.02, 0.02), (0.03, 0.03)])

    assert (cost.status, cost.role) == ("unstable", None)


def test_the_quietest_round_is_the_one_that_counts() -> None:
    busy, quiet = probed(2e-6, 2, scan=90e-9), probed(1e-6, 1)

    assert quietest([busy, quiet]) == quiet


def test_rounds_of_an_older_policy_do_not_count() -> None:
    older = replace(probed(1e-6, 1), policy_set="older")
    latest = probed(3e-6, 2)

    assert quietest([older, latest]) == latest


def test_rounds_that_may_not_be_published_do_not_count() -> None:
    unstable = replace(probed(1e-6, 1), status="unstable")

    assert quietest([unstable]) is None
    assert quietest([]) is None
