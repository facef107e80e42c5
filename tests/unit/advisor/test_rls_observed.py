"""Statements that ran under row level security."""

from __future__ import annotations

from typing import Any

from monitor.advisor import rls_observed
from monitor.model.report import RlsObservation
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import StatementText
from tests.unit.factories import lately, make, make_catalog, make_table, view

USER, OWNER, ADMIN = 10, 20, 30
ROLES = {USER: "authenticated", OWNER: "owner", ADMIN: "admin"}
NOTES = make_table(oid=1, relname="notes", owner="owner", has_rls=True)
LOG = make_table(oid=2, relname="log", owner="owner")


def observe(
    *statements: tuple[int, str], notes: Any = NOTES, **changes: Any
) -> tuple[RlsObservation, ...]:
    rows = [
        make(
            StatementRow,
            userid=userid,
            dbid=5,
            queryid=number,
            calls_total=4,
            exec_time_seconds_total=0.5,
        )
        for number, (userid, _) in enumerate(statements)
    ]
    texts = {
        number: StatementText(queryid=number, text=text)
        for number, (_, text) in enumerate(statements)
    }
    facts: dict[str, Any] = {
        "texts": texts,
        "roles": ROLES,
        "databases": {5: "app"},
        "bypassing": frozenset({ADMIN}),
    }
    catalog = make_catalog(notes, LOG)
    return rls_observed.observe(
        view(lately(StatementRow, *rows), catalogs=[catalog], **(facts | changes))
    )


def test_an_ordinary_roles_statement_counts() -> None:
    (found,) = observe((USER, "select * from notes where id = $1"))

    assert (found.tablename, found.roles) == ("notes", ("authenticated",))
    assert (found.calls, found.total_exec_time_ms) == (4, 500.0)


def test_statements_of_one_table_add_up() -> None:
    (found,) = observe((USER, "select 1 from notes"), (USER, "delete from notes"))

    assert (found.calls, found.policy_name) == (8, "combined")


def test_a_role_that_bypasses_policies_does_not_count() -> None:
    assert observe((ADMIN, "select * from notes")) == ()


def test_the_owner_counts_only_where_policies_are_forced() -> None:
    forced = make_table(
        oid=1, relname="notes", owner="owner", has_rls=True, forces_rls=True
    )

    assert observe((OWNER, "select * from notes")) == ()
    assert len(observe((OWNER, "select * from notes"), notes=forced)) == 1


def test_a_table_without_policies_does_not_count() -> None:
    assert observe((USER, "select * from log")) == ()


def test_a_name_inside_another_word_does_not_count() -> None:
    assert observe((USER, "select notes from log")) == ()


def test_a_statement_that_cannot_be_parsed_is_left_out() -> None:
    assert observe((USER, "select from from notes notes")) == ()


def test_a_statement_of_another_database_is_left_out() -> None:
    assert observe((USER, "select * from notes"), databases={5: "other"}) == ()


def test_nothing_is_said_across_a_reset() -> None:
    assert rls_observed.observe(view()) == ()
