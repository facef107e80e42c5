"""Rows examined x cost of a row x share, beside what it rests on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.rls import UnitCost
from monitor.rls.estimate import Inputs, Tally, advance, inputs_of
from monitor.rls.loads import Loads, StatementLoad, database_loads, tables_met
from monitor.rls.survey import survey
from tests.unit.factories import NOW
from tests.unit.rls.probed import GUARDED, SERVICE_ID, cost, seen, statement

INTERVAL = timedelta(minutes=15)
START = Tally(epoch="1", counter=1_000)
KNOWN = Inputs(share=0.5, row_cost=1e-6, quality=1.0)


def loads(free: float = 0.0, **roles: float) -> Loads:
    by_role = {r: [StatementLoad(calls=1, seconds=s)] for r, s in roles.items()}
    return Loads(by_role=by_role, free_seconds=free)


def inputs(known: Loads | None, *costs: UnitCost, analysed: float = 1.0) -> Inputs:
    return inputs_of(known, analysed, costs, now=NOW, interval=INTERVAL)


def of_role(role: str, per_row: float) -> UnitCost:
    spread = {"low": per_row, "high": per_row}
    table = replace(GUARDED, role=role)
    return cost(table=table, persona=role, per_row=per_row, **spread)


def test_the_estimate_is_rows_times_cost_times_share() -> None:
    after = advance(START, epoch="1", counter=3_001_000, inputs=KNOWN)

    assert after.rows == 3_000_000
    assert after.seconds == pytest.approx(1.5)


def test_a_reset_adds_nothing_and_begins_anew() -> None:
    reset = advance(START, epoch="2", counter=5_000, inputs=KNOWN)
    fallen = advance(START, epoch="1", counter=10, inputs=KNOWN)
    after = advance(reset, epoch="2", counter=6_000, inputs=KNOWN)

    assert (reset.rows, fallen.rows, after.rows) == (0, 0, 1_000)


def test_rows_of_our_own_samples_are_not_counted() -> None:
    probed = cost(rows=1_000, pairs=5)

    once = advance(START, epoch="1", counter=12_000, inputs=KNOWN, costs=[probed])
    again = advance(once, epoch="1", counter=13_000, inputs=KNOWN, costs=[probed])

    assert (once.rows, again.rows) == (0, 1_000)


def test_what_is_known_stands_while_nobody_reads() -> None:
    nobody = Inputs(reason="no statement of the table was recorded lately")
    before = replace(START, inputs=KNOWN)

    idle = advance(before, epoch="1", counter=1_000, inputs=nobody)
    read = advance(before, epoch="1", counter=2_000, inputs=nobody)

    assert (idle.inputs, read.inputs) == (KNOWN, nobody)


@given(st.lists(st.integers(0, 10**6)), st.floats(0, 1), st.floats(0, 1e-3))
def test_totals_never_fall(counters: list[int], share: float, row_cost: float) -> None:
    now = START
    known = Inputs(share=share, row_cost=row_cost, quality=1.0)
    for counter in counters:
        after = advance(now, epoch="1", counter=counter, inputs=known)
        assert after.rows >= now.rows
        assert after.seconds >= now.seconds
        now = after


def test_a_fresh_figure_of_the_only_role_is_worth_nearly_everything() -> None:
    found = inputs(loads(user=3.0, free=1.0), of_role("user", 1e-6))

    assert found == Inputs(share=0.75, row_cost=1e-6, quality=1.0)


def test_costs_are_weighted_by_the_time_of_their_roles() -> None:
    found = inputs(
        loads(user=3.0, guest=1.0), of_role("user", 1e-6), of_role("guest", 5e-6)
    )

    assert found.row_cost == pytest.approx(2e-6)
    assert found.quality == pytest.approx(0.8)


def test_quality_falls_with_age_spread_and_what_nobody_understood() -> None:
    only = loads(user=1.0)
    old = cost(at=NOW - 4 * INTERVAL, low=1e-6, high=1e-6)
    wide = cost(low=0.5e-6, high=1.5e-6)

    assert inputs(only, old).quality == pytest.approx(0.5)
    assert inputs(only, wide).quality == pytest.approx(0.5)
    assert inputs(only, of_role("user", 1e-6), analysed=0.3).quality == 0.3


def test_a_role_without_a_probe_lowers_the_quality() -> None:
    found = inputs(loads(user=1.0, guest=1.0), of_role("user", 1e-6))

    assert found.row_cost == 1e-6
    assert found.quality == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("known", "costs", "words"),
    [
        (None, [cost()], "no statement of the table"),
        (loads(), [cost()], "no statement of the table"),
        (loads(user=1.0), [], "no probe of a role"),
        (loads(user=1.0), [cost(status="unstable")], "no probe of a role"),
        (loads(guest=1.0), [cost()], "no probe of a role"),
    ],
)
def test_an_estimate_with_a_missing_input_is_withheld(
    known: Loads | None, costs: list[UnitCost], words: str
) -> None:
    found = inputs(known, *costs)

    assert found.row_cost is None
    assert found.quality is None
    assert words in found.reason


def test_a_table_that_only_bypassing_roles_read_adds_nothing() -> None:
    found = inputs(loads(free=1.0), cost(), analysed=0.9)

    assert found == Inputs(share=0.0, row_cost=0.0, quality=0.9)


def test_statements_of_bypassing_roles_lower_the_share() -> None:
    rows = (statement(), statement(SERVICE_ID, exec_time_seconds_total=3.0))

    found = database_loads(seen(statements=rows), "app")

    assert found is not None
    assert found.of(1).share == 0.25
    assert found.of(1).share_of("user") == 0.25
    assert found.analysed == 1.0


def test_statements_that_cannot_be_parsed_are_not_analysed() -> None:
    found = database_loads(seen(text="select from where"), "app")

    assert found is not None
    assert found.analysed == 0.0
    assert found.of(1).share is None


def test_a_listed_statement_counts_for_the_tables_whose_policies_it_meets() -> None:
    text = "select count(*) from notes"

    ((table, policies),) = tables_met(seen(), "app", text, "user")

    assert table == GUARDED
    assert policies == survey(seen()).policies["app", 1]
    assert tables_met(seen(), "app", text, "service") == ()
    assert tables_met(seen(), "elsewhere", text, "user") == ()
