"""Choosing rows of a list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.api.query import Query, select


def test_the_largest_come_first_and_the_unknown_last() -> None:
    rows = [{"n": 1}, {"n": None}, {"n": 7}]

    chosen, total = select(rows, Query(filters={}, order="n", limit=5))

    assert chosen == [{"n": 7}, {"n": 1}, {"n": None}]
    assert total == 3


def test_without_an_order_rows_stay_as_they_are() -> None:
    rows = [{"n": 1}, {"n": 3}, {"n": 2}]

    chosen, total = select(rows, Query(filters={}, limit=2))

    assert chosen == [{"n": 1}, {"n": 3}]
    assert total == 3


def test_a_filter_asks_for_equality() -> None:
    rows = [{"target": "a"}, {"target": "ab"}]

    chosen, total = select(rows, Query(filters={"target": "a"}))

    assert (chosen, total) == ([{"target": "a"}], 1)


@given(st.lists(st.one_of(st.none(), st.integers(), st.floats(allow_nan=False))))
def test_any_figures_can_be_ranked(figures: list[float | None]) -> None:
    rows = [{"n": figure} for figure in figures]

    chosen, total = select(rows, Query(filters={}, order="n"))

    assert total == len(chosen) == len(rows)
