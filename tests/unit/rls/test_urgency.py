"""Which round comes first."""

from __future__ import annotations

from datetime import timedelta
from math import inf

from monitor.model.rls import UnitCost
from monitor.rls.rounds import StatementRound, TableRound
from monitor.rls.urgency import expected_seconds, rank
from tests.unit.rls.probed import ALICE, GUARDED, LISTED, cost, options

INTERVAL = timedelta(minutes=15)


def urgency(
    overdue: float, rows_per_second: float = 100.0, known: UnitCost | None = None
) -> tuple[float, float]:
    table = TableRound(
        table=GUARDED,
        persona=ALICE,
        policy_set="set",
        rows=1_000,
        relpages=10,
        rows_per_second=rows_per_second,
    )
    return rank(table, overdue, INTERVAL, known)


def test_what_was_never_probed_comes_first_by_its_traffic() -> None:
    busy, quiet = urgency(inf, 1_000), urgency(inf, 10)

    assert busy > quiet > urgency(3_600, known=cost(per_row=1e-3))


def test_dear_policies_come_before_cheap_ones() -> None:
    assert urgency(0, known=cost(per_row=1e-5)) > urgency(0, known=cost(per_row=1e-7))


def test_a_cheap_policy_has_its_turn_in_the_end() -> None:
    old = urgency(30 * 86_400, known=cost(per_row=1e-7))

    assert old > urgency(0, known=cost(per_row=1e-5))


def test_a_statement_is_no_less_urgent_than_an_idle_table() -> None:
    listed = StatementRound(statement=LISTED, persona=ALICE, policy_set="set")

    assert rank(listed, 0, INTERVAL, None) >= urgency(0, rows_per_second=0)


def test_a_round_is_expected_to_cost_its_pairs() -> None:
    short = options(pairs=3, statement_timeout=timedelta(milliseconds=5))

    assert expected_seconds(options(pairs=5)) == 0.2
    assert expected_seconds(short) == 0.06
