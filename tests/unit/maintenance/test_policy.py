"""Modes, window, rates and cooldown: what may be done, and when."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.maintenance.planner import Choices, agenda, kinds
from monitor.maintenance.policy import (
    Permission,
    Policy,
    gate,
    is_in_window,
    permit,
)
from monitor.model.action import (
    Action,
    ActionMode,
    ActionState,
    JournalEntry,
    Refusal,
    Statement,
)
from monitor.model.finding import Evidence, Finding, ObjectRef, Severity
from monitor.model.rows.stat_user_tables import TableRow
from tests.unit.factories import (
    NOW,
    current,
    make,
    make_catalog,
    make_index,
    make_table,
    view,
)

AT_TWO = NOW.replace(hour=2, minute=30)


def action(kind: str = "analyze", oid: int = 2, **changes: Any) -> Action:
    known: dict[str, Any] = {
        "kind": kind,
        "target": "orders",
        "database": "app",
        "schema": "public",
        "name": f"index_{oid}",
        "oid": oid,
        "statement": Statement("analyze {}"),
        "undo": None,
        "lock": "",
        "reason": "",
        "evidence": (Evidence("table oid", 1),),
    }
    return Action(**(known | changes))


def entry(number: int = 1, **changes: Any) -> JournalEntry:
    known: dict[str, Any] = {
        "id": number,
        "action": action(),
        "mode": ActionMode.AUTO,
        "state": ActionState.APPROVED,
        "created_at": AT_TWO,
        "updated_at": AT_TWO,
        "actor": "policy",
        "sql": "",
    }
    return JournalEntry(**(known | changes))


def allowed(outcome: Permission | Refusal) -> str:
    return outcome.rule if isinstance(outcome, Refusal) else outcome.mode


AUTO = Policy(mode=ActionMode.AUTO)


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_nothing_is_automatic_unless_told(kind: str) -> None:
    assert allowed(permit(action(kind), Policy(), ())) == "dry_run"


def test_a_kinds_own_mode_wins() -> None:
    policy = Policy(mode=ActionMode.AUTO, modes={"vacuum": ActionMode.OFF})

    assert allowed(permit(action("vacuum"), policy, ())) == "off"
    assert allowed(permit(action("analyze"), policy, ())) == "auto"


def test_only_allowed_schemas_are_touched() -> None:
    policy = Policy(schemas=("app_*",))

    assert allowed(permit(action(), policy, ())) == "schema"
    assert allowed(permit(action(schema="app_one"), policy, ())) == "dry_run"


@pytest.mark.promise(3)
def test_automatic_dropping_takes_a_second_consent() -> None:
    twice = replace(AUTO, confirm_drop_index=True)

    assert allowed(permit(action("drop_index"), AUTO, ())) == "approve"
    assert allowed(permit(action("drop_index"), twice, ())) == "auto"


def test_a_leftover_of_somebody_else_needs_an_approval() -> None:
    ours = entry(verified={"index oid": "2"})

    assert allowed(permit(action("drop_invalid_index"), AUTO, ())) == "approve"
    assert allowed(permit(action("drop_invalid_index"), AUTO, (ours,))) == "auto"


@pytest.mark.promise(3)
@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("dropped_beside", {}),
        ("approve", {"state": ActionState.UNDONE}),
        ("approve", {"state": ActionState.FAILED_CLEAN}),
        ("approve", {"state": ActionState.REPORTED}),
        ("approve", {"action": action("vacuum", 3)}),
        ("approve", {"action": action("drop_index", 2)}),
        ("approve", {"action": action("drop_index", 3, database="other")}),
        ("approve", {"action": action("drop_index", 3, evidence=())}),
    ],
)
def test_an_index_is_not_dropped_after_another_of_its_table(
    expected: str, changes: dict[str, Any]
) -> None:
    known: dict[str, Any] = {
        "action": action("drop_index", 3),
        "state": ActionState.DONE,
    }
    past = entry(**(known | changes))

    assert expected == allowed(permit(action("drop_index"), AUTO, (past,)))


def test_an_index_that_another_replaces_may_follow() -> None:
    covered = action(
        "drop_index",
        evidence=(Evidence("table oid", 1), Evidence("covering index oid", 9)),
    )
    past = entry(action=action("drop_index", 3), state=ActionState.DONE)

    assert allowed(permit(covered, AUTO, (past,))) == "approve"


def asked(
    *history: JournalEntry,
    policy: Policy = AUTO,
    now: datetime = AT_TWO,
    is_paused: bool = False,
    **changes: Any,
) -> str:
    may_run = gate(policy, is_paused=lambda: is_paused)
    refused = may_run(entry(**changes), (entry(), *history), now)
    return refused.rule if refused else "runs"


def test_an_approved_action_runs_in_its_window() -> None:
    assert asked() == "runs"


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("paused", {"is_paused": True}),
        ("off", {"policy": Policy(mode=ActionMode.DRY_RUN)}),
        ("off", {"policy": Policy(mode=ActionMode.OFF)}),
        ("window", {"now": AT_TWO + timedelta(hours=2)}),
        ("runs", {"now": AT_TWO + timedelta(hours=2), "mode": ActionMode.APPROVE}),
        ("daily_limit", {"policy": replace(AUTO, max_actions=0)}),
    ],
)
def test_rules_refuse_at_the_moment_of_acting(
    expected: str, changes: dict[str, Any]
) -> None:
    assert expected == asked(**changes)


@pytest.mark.parametrize(
    ("expected", "state"),
    [
        ("concurrent", ActionState.EXECUTING),
        ("concurrent", ActionState.HALF_DONE),
        ("runs", ActionState.DONE),
        ("runs", ActionState.AWAITING_APPROVAL),
        ("cooldown", ActionState.FAILED_CLEAN),
        ("cooldown", ActionState.NEEDS_HUMAN),
    ],
)
def test_what_else_happened_matters(expected: str, state: ActionState) -> None:
    assert expected == asked(entry(2, state=state))


def test_actions_are_counted_over_a_day() -> None:
    few = replace(AUTO, max_actions=2)
    today = entry(2, state=ActionState.DONE)
    before = replace(today, id=3, updated_at=AT_TWO - timedelta(days=2))

    assert asked(today, before, policy=few) == "runs"
    assert asked(today, replace(today, id=3), policy=few) == "daily_limit"


def test_the_pause_doubles_with_each_failure_and_ends() -> None:
    def failed(number: int) -> JournalEntry:
        moment = AT_TWO - timedelta(minutes=90)
        return entry(number, state=ActionState.FAILED_CLEAN, updated_at=moment)

    assert asked(failed(2)) == "runs"
    assert asked(failed(2), failed(3)) == "cooldown"


def test_the_window_follows_the_zone() -> None:
    berlin = Policy(zone=ZoneInfo("Europe/Berlin"))

    assert not is_in_window(berlin, AT_TWO.replace(hour=0, minute=59))
    assert is_in_window(berlin, AT_TWO.replace(hour=1))
    assert is_in_window(berlin, AT_TWO.replace(hour=2, minute=59))
    assert not is_in_window(berlin, AT_TWO.replace(hour=3, minute=1))


def unused(oid: int, name: str) -> Finding:
    return Finding(
        severity=Severity.INFO,
        object=ObjectRef("index", "public", name),
        summary="",
        database="app",
        check="duplicate_index",
        evidence=(Evidence("table oid", 1), Evidence("covering index oid", oid)),
    )


def test_one_index_of_a_table_is_dropped_at_a_time() -> None:
    indexes = [
        make_index(oid=2, indexrelname="a"),
        make_index(oid=3, indexrelname="b"),
        make_index(oid=4, indexrelname="keeper"),
    ]
    seen = view(catalogs=[make_catalog(make_table(), indexes=indexes)])

    found = agenda(seen, [unused(4, "a"), unused(4, "b")], Choices(), ())

    assert [each.action.name for each in found.proposals] == ["a"]
    assert [each.rule for each in found.refusals] == ["one_at_a_time"]


def test_the_agenda_holds_refusals_of_plan_and_policy() -> None:
    row = make(TableRow, oid=1, n_mod_since_analyze=5000, n_dead_tup=9000)
    seen = view(
        current(TableRow, row, datname="app"), catalogs=[make_catalog(make_table())]
    )
    policy = Policy(schemas=("other",), modes={"vacuum": ActionMode.OFF})

    found = agenda(seen, [unused(9, "gone")], Choices(policy=policy), ())

    assert not found.proposals
    assert [(r.kind, r.rule) for r in found.refusals] == [
        ("analyze", "schema"),
        ("drop_index", "unknown"),
    ]


def test_options_given_for_a_kind_are_used() -> None:
    row = make(TableRow, oid=1, n_mod_since_analyze=50)
    seen = view(
        current(TableRow, row, datname="app"), catalogs=[make_catalog(make_table())]
    )
    eager = kinds()["analyze"].options(min_changes=10)

    found = agenda(seen, [], Choices(options={"analyze": eager}), ())

    assert [each.mode for each in found.proposals] == [ActionMode.DRY_RUN]


def test_every_kind_explains_itself() -> None:
    assert set(kinds()) == {
        "analyze",
        "vacuum",
        "create_index",
        "create_partition",
        "detach_partition",
        "drop_index",
        "drop_invalid_index",
        "drop_partition",
        "expire_assignments",
        "move_default_rows",
    }
    assert all(kind.title and kind.lock for kind in kinds().values())
