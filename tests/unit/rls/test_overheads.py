"""What policies add to statements, as a histogram."""

from __future__ import annotations

import pytest

from monitor.model.rls import BOUNDS, Overheads
from monitor.rls.loads import StatementLoad
from monitor.rls.overheads import MOST_RECENT, statement_overheads, with_overheads
from tests.unit.rls.probed import GUARDED, cost

FAST = StatementLoad(calls=1_000, seconds=1.0)
SLOW = StatementLoad(calls=10, seconds=3.0)


def test_rows_are_divided_by_time_and_calls() -> None:
    found = list(statement_overheads(cost(fixed=0.002), 40_000, [FAST, SLOW]))

    assert found == pytest.approx([0.002 + 0.003, 0.002 + 0.00001])


def test_only_the_costliest_statements_count() -> None:
    many = [StatementLoad(calls=1, seconds=float(n)) for n in range(1, 9)]

    assert len(list(statement_overheads(cost(), 1_000, many))) == 5


@pytest.mark.parametrize("changes", [{"status": "unstable"}, {"per_row": None}])
def test_a_cost_that_is_not_known_adds_nothing(changes: dict[str, object]) -> None:
    assert list(statement_overheads(cost(**changes), 1_000, [FAST])) == []


@pytest.mark.parametrize(("high", "expected"), [(1e-7, [0.0001]), (1.1e-7, [])])
def test_a_row_too_cheap_to_measure_counts_with_the_most_it_can_cost(
    high: float, expected: list[float]
) -> None:
    cheap = cost(status="unstable", per_row=0.3e-7, high=high)

    found = list(statement_overheads(cheap, 1_000_000, [FAST]))

    assert found == pytest.approx(expected)


def test_overheads_fall_into_their_buckets() -> None:
    found = with_overheads(None, GUARDED, [-1.0, BOUNDS[0], BOUNDS[1], 99.0])

    assert found.counts[0] == 2
    assert found.counts[1] == 1
    assert found.counts[-1] == 1
    assert found.count == 4
    assert found.total_seconds == pytest.approx(99.0 + BOUNDS[0] + BOUNDS[1])


def test_the_latest_overheads_are_kept_within_a_limit() -> None:
    found: Overheads | None = None
    for number in range(MOST_RECENT + 5):
        found = with_overheads(found, GUARDED, [float(number)])

    assert found is not None
    assert len(found.recent) == MOST_RECENT
    assert found.recent[-1] == MOST_RECENT + 4
    assert found.count == MOST_RECENT + 5
