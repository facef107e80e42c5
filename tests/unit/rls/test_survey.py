"""What could be probed, and which old figures are void."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.target import Target
from monitor.rls.rounds import ConfirmRound, SavingRound, StatementRound, TableRound
from monitor.rls.survey import examined_per_second, survey
from tests.unit.factories import lately, make, make_catalog, make_table, view
from tests.unit.rls.probed import (
    ALICE,
    BOB,
    GUARDED,
    LISTED,
    NOTES,
    SERVICE,
    SERVICE_ID,
    options,
    seen,
    statement,
)
from tests.unit.rls.test_inventory import policy


def test_a_table_is_probed_for_those_whom_its_policies_are_for() -> None:
    found = survey(seen(rls=options(ALICE, BOB, SERVICE)))

    (tables,) = [each for each in found.rounds if isinstance(each, TableRound)]
    assert (tables.table, tables.persona) == (GUARDED, ALICE)
    assert (tables.rows, tables.relpages) == (9_000, 90)
    assert tables.rows_per_second == 10.0
    assert found.policies == {("app", 1): tables.policy_set}


def test_a_table_that_nobody_reads_is_not_probed() -> None:
    assert survey(seen(examined=0)).rounds == survey(seen(examined=0)).rounds[:1]
    assert not any(isinstance(e, TableRound) for e in survey(seen(examined=0)).rounds)


def test_nothing_is_said_of_a_database_before_its_policies_are_known() -> None:
    unread = view(
        catalogs=[make_catalog(make_table(has_rls=True))],
        target=Target(name="unread", rls=options()),
    )

    found = survey(unread)

    assert (found.rounds, found.databases) == ((), {})


def test_a_changed_policy_changes_its_table_and_its_database() -> None:
    before, after = survey(seen()), survey(seen(policy_hash="2"))

    assert before.policies != after.policies
    assert before.databases != after.databases


def test_listed_statements_are_timed_for_every_persona() -> None:
    found = survey(seen(rls=options(ALICE, BOB, statements=(LISTED,))))

    rounds = [each for each in found.rounds if isinstance(each, StatementRound)]
    assert [each.persona.name for each in rounds] == ["alice", "bob"]
    assert {each.policy_set for each in rounds} == {found.databases["app"]}


def test_statements_elsewhere_are_left_alone() -> None:
    elsewhere = LISTED.__class__(name="a", database="other", sql="select 1")

    found = survey(seen(statements=(), rls=options(statements=(elsewhere,))))

    assert not any(isinstance(each, StatementRound) for each in found.rounds)


def test_the_server_is_asked_once_about_a_personas_statements() -> None:
    rows = (statement(), statement(SERVICE_ID))

    first = survey(seen(statements=rows))
    again = survey(seen(statements=rows), {("app", 7, "user")})

    asked = [each for each in first.rounds if isinstance(each, ConfirmRound)]
    assert [(each.role, [q for q, _ in each.statements]) for each in asked] == [
        ("user", [7])
    ]
    assert not any(isinstance(each, ConfirmRound) for each in again.rounds)


def test_explain_and_utility_statements_are_not_asked_about() -> None:
    found = survey(seen(text="explain select 1 from notes"))

    assert not any(isinstance(each, ConfirmRound) for each in found.rounds)


def test_a_partitioned_table_has_the_rows_of_its_partitions() -> None:
    parent = make_table(oid=1, kind="p", has_rls=True)
    parts = [make_table(oid=n, relname=f"p{n}", parent=1) for n in (2, 3)]
    catalog = make_catalog(parent, *parts)
    rows = [make(TableRow, oid=n, idx_tup_fetch_total=600) for n in (2, 3)]

    found = examined_per_second(view(lately(TableRow, *rows, datname="app")), catalog)

    assert found == {1: 4.0, 2: 2.0, 3: 2.0}


@pytest.mark.parametrize(("examined", "rules"), [(3_000, ["wrap_calls"]), (0, [])])
def test_rewrites_are_proven_for_tables_that_somebody_reads(
    examined: int, rules: list[str]
) -> None:
    before = seen(examined=examined)
    calling = "(owner = current_setting('app.user'::text))"
    written = replace(policy(4, 1, "user"), using=calling, check="")

    found = survey(
        replace(before, catalogs={"app": make_catalog(NOTES, policies=[written])})
    )

    rounds = [each for each in found.rounds if isinstance(each, SavingRound)]
    assert [each.rewrite.rule for each in rounds] == rules
