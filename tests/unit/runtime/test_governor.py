"""The cost of watching and what is done about it."""

from __future__ import annotations

import pytest

from monitor.model.delta import Delta
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import View
from monitor.runtime.governor import Governor
from tests.unit.factories import make, make_server, view

OURS, THEIRS = 10, 20
ROLES = {OURS: "pgvigil_reader", THEIRS: "app"}


def statement(userid: int, seconds: float, *, toplevel: bool = True) -> StatementRow:
    return make(
        StatementRow,
        userid=userid,
        queryid=userid,
        toplevel=toplevel,
        calls_total=3,
        exec_time_seconds_total=seconds,
        shared_blks_hit_total=5,
        shared_blks_read_total=2,
        temp_blks_written_total=1,
    )


def seen(*rows: StatementRow, seconds: float = 120.0) -> View:
    delta = Delta(collector="stat_statements", datname="", seconds=seconds, rows=rows)
    base = view(roles=ROLES, server=make_server(role="pgvigil_reader"))
    return View(
        target=base.target,
        server=base.server,
        now=base.now,
        roles=base.roles,
        changes={(StatementRow, ""): delta},
    )


@pytest.mark.requirement("X7")
def test_only_our_own_statements_are_our_cost() -> None:
    governor = Governor(budget=0.01)

    governor.note(seen(statement(OURS, 0.02), statement(THEIRS, 50.0)))

    cost = governor.cost
    assert cost.exec_seconds_total == pytest.approx(0.02)
    assert (cost.calls_total, cost.blocks_total, cost.temp_blocks_total) == (3, 7, 1)


def test_a_nested_statement_is_not_counted_twice() -> None:
    governor = Governor(budget=0.01)

    governor.note(seen(statement(OURS, 0.02), statement(OURS, 0.02, toplevel=False)))

    assert governor.cost.exec_seconds_total == pytest.approx(0.02)


def test_intervals_stay_within_the_budget() -> None:
    governor = Governor(budget=0.01)

    governor.note(seen(statement(OURS, 1.2)))

    assert governor.cost.stretch == 1.0


def test_intervals_stretch_beyond_the_budget_up_to_a_bound() -> None:
    governor = Governor(budget=0.01)

    stretches: list[float] = []
    for _ in range(8):
        governor.note(seen(statement(OURS, 1.32)))
        stretches.append(round(governor.cost.stretch, 2))

    assert stretches[:2] == [1.5, 2.25]
    assert stretches[-1] == 10.0


def test_intervals_shorten_again_only_well_below_the_budget() -> None:
    governor = Governor(budget=0.01)
    governor.note(seen(statement(OURS, 1.32)))

    governor.note(seen(statement(OURS, 0.72)))
    held = governor.cost.stretch
    governor.note(seen(statement(OURS, 0.48)))

    assert (held, governor.cost.stretch) == (1.5, 1.0)


def test_a_burst_is_held_against_the_time_around_it() -> None:
    governor = Governor(budget=0.01)

    governor.note(seen(statement(OURS, 0.6), seconds=15))
    for _ in range(20):
        governor.note(seen(statement(OURS, 0.05), seconds=15))

    assert governor.cost.stretch == 1.0


def test_what_costs_two_minutes_budget_at_once_stretches_at_once_and_once() -> None:
    governor = Governor(budget=0.01)

    governor.note(seen(statement(OURS, 1.3), seconds=15))
    first = governor.cost.stretch
    governor.note(seen(statement(OURS, 0.05), seconds=15))

    assert (first, governor.cost.stretch) == (1.5, 1.5)


def test_nothing_is_concluded_across_a_reset() -> None:
    governor = Governor(budget=0.01)

    governor.note(view())

    assert governor.cost.exec_seconds_total == 0.0
