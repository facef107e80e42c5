"""Statements that ran under row level security."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.model.rls import Guarded, Probes
from monitor.model.rls_observed import AttributionQuality, Observations, Observed
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.target import Target
from monitor.model.view import StatementText, View
from monitor.rls.observed import Place, accumulate, book, observe
from tests.unit.factories import (
    current,
    lately,
    make,
    make_catalog,
    make_server,
    make_table,
    view,
)

USER, OWNER, ADMIN, READER, GUEST = 10, 20, 30, 40, 50
ROLES = {
    USER: "authenticated",
    OWNER: "owner",
    ADMIN: "admin",
    READER: "pgvigil_reader",
    GUEST: "anon",
}
NOTES = make_table(oid=1, relname="notes", owner="owner", has_rls=True)
LOG = make_table(oid=2, relname="log", owner="owner")
TEAMS = make_table(oid=3, relname="teams", owner="owner", has_rls=True)


def row(number: int, userid: int, **changes: Any) -> StatementRow:
    defaults: dict[str, Any] = {
        "userid": userid,
        "dbid": 5,
        "queryid": number,
        "toplevel": True,
        "calls_total": 4,
        "exec_time_seconds_total": 0.5,
    }
    return make(StatementRow, **(defaults | changes))


def texts(*given: str) -> Mapping[int, StatementText]:
    return {
        number: StatementText(queryid=number, text=text)
        for number, text in enumerate(given)
    }


def seen(*rows: StatementRow, notes: Any = NOTES, **changes: Any) -> View:
    roles = (
        make(RoleAttributesRow, rolname=name, bypasses_rls=name == "admin")
        for name in ROLES.values()
    )
    facts: dict[str, Any] = {
        "roles": ROLES,
        "databases": {5: "app"},
        "target": Target(name="observed"),
        "server": make_server(databases=("app",)),
        "catalogs": [make_catalog(notes, LOG, TEAMS)],
    }
    return view(
        lately(StatementRow, *rows),
        current(PolicyReferenceRow, datname="app"),
        current(PolicyFunctionRow, datname="app"),
        current(ViewReferenceRow, datname="app"),
        current(RoleAttributesRow, *roles),
        **(facts | changes),
    )


def watch(*statements: tuple[int, str], **changes: Any) -> View:
    rows = [row(number, userid) for number, (userid, _) in enumerate(statements)]
    return seen(*rows, texts=texts(*(text for _, text in statements)), **changes)


def found(*statements: tuple[int, str], **changes: Any) -> tuple[Observed, ...]:
    return observe(watch(*statements, **changes)).found


def guarded(role: str = "authenticated", relid: int = 1) -> Guarded:
    names = ("public", {1: "notes", 3: "teams"}[relid]) if relid else ("", "")
    return Guarded(
        database="app", relid=relid, schemaname=names[0], relname=names[1], role=role
    )


def test_an_ordinary_roles_statement_counts() -> None:
    assert found((USER, "select * from notes where id = $1")) == (
        Observed(table=guarded(), attribution="ast", calls=4, seconds=0.5),
    )


def test_statements_of_one_table_and_role_add_up() -> None:
    (one,) = found((USER, "select 1 from notes"), (USER, "delete from notes"))

    assert (one.calls, one.seconds) == (8, 1.0)


def test_roles_and_tables_are_kept_apart() -> None:
    several = found((USER, "select 1 from notes, teams"), (GUEST, "table notes"))

    assert {each.table for each in several} == {
        guarded(),
        guarded(relid=3),
        guarded("anon"),
    }


def test_a_role_that_bypasses_policies_does_not_count() -> None:
    assert found((ADMIN, "select * from notes")) == ()


def test_the_owner_counts_only_where_policies_are_forced() -> None:
    forced = make_table(
        oid=1, relname="notes", owner="owner", has_rls=True, forces_rls=True
    )

    assert found((OWNER, "select * from notes")) == ()
    assert len(found((OWNER, "select * from notes"), notes=forced)) == 1


def test_a_table_without_row_level_security_does_not_count() -> None:
    assert found((USER, "select notes from log")) == ()


def test_our_own_statements_do_not_count() -> None:
    observations = observe(watch((READER, "select * from notes")))

    assert observations.found == ()
    assert observations.quality == AttributionQuality()


def test_what_a_function_ran_inside_is_in_its_callers_time() -> None:
    inner = row(0, USER, toplevel=False)

    assert observe(seen(inner, texts=texts("table notes"))).found == ()


def test_a_statement_of_an_unwatched_database_does_not_count() -> None:
    observations = observe(watch((USER, "table notes"), databases={5: "other"}))

    assert observations.quality.statements == 0


def test_what_could_not_be_analysed_is_counted_as_unknown() -> None:
    rows = (row(0, USER), row(1, USER), row(74, USER))
    known = texts("table notes", "select from from notes")

    observations = observe(seen(*rows, texts=known))

    assert observations.window_seconds == 300.0
    assert [each.calls for each in observations.found] == [4]
    assert observations.quality == AttributionQuality(
        statements=3,
        calls=12,
        seconds=1.5,
        unknown_statements=2,
        unknown_calls=8,
        unknown_seconds=1.0,
    )


def test_the_servers_answer_wins_and_the_disagreement_is_counted() -> None:
    answers = {
        ("app", 0, "authenticated"): True,
        ("app", 1, "authenticated"): False,
        ("app", 2, "authenticated"): True,
    }
    view = watch(
        (USER, "select * from list_notes()"),
        (USER, "table notes"),
        (USER, "table teams"),
        probes=Probes(confirmed=answers),
    )

    observations = observe(view)

    assert {(each.table, each.attribution) for each in observations.found} == {
        (guarded(relid=0), "server"),
        (guarded(relid=3), "server"),
    }
    assert observations.quality.contradictions == 2


def test_calls_by_a_name_that_only_its_uniqueness_identifies_are_told() -> None:
    hidden = make_table(oid=1, schemaname="app", relname="notes", has_rls=True)

    (one,) = found((USER, "table notes"), notes=hidden)

    assert one.loose_calls == 4


def test_nothing_is_said_across_a_reset() -> None:
    assert observe(view()) == Observations()


def test_what_cannot_be_known_yet_waits() -> None:
    rows = (row(0, USER), row(71, USER), row(72, 99), row(73, USER, dbid=6))

    booking = book(seen(*rows, texts=texts("table notes")), rows)

    assert [each.calls for each in booking.observations.found] == [4]
    assert booking.waiting == rows[1:]
    assert booking.observations.quality.statements == 1


def test_statements_wait_while_the_policies_are_unread() -> None:
    unread = view(
        target=Target(name="unread"),
        catalogs=[make_catalog(NOTES)],
        texts=texts("table notes"),
        roles=ROLES,
        databases={5: "app"},
    )

    assert book(unread, [row(0, USER)]).waiting == (row(0, USER),)


def test_running_sums_only_grow() -> None:
    first = found((USER, "table notes"))
    second = found((USER, "table notes"), (GUEST, "table teams"))
    empty: Mapping[Place, Observed] = {}

    before = accumulate(empty, first)
    after = accumulate(before, second)

    assert {p[0].role: each.calls for p, each in before.items()} == {"authenticated": 4}
    assert {p[0].role: each.calls for p, each in after.items()} == {
        "authenticated": 8,
        "anon": 4,
    }
