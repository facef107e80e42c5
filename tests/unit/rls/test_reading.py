"""What statements read, themselves and through functions in language SQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.sql_functions import SqlFunctionRow
from monitor.model.view import StatementText
from monitor.rls.attribution import Attributor, Verdict
from monitor.rls.inventory import Inventory
from monitor.rls.naming import Names
from monitor.rls.reading import Reading
from monitor.sqltext.outline import outline
from tests.unit.factories import make, make_catalog, make_table

NOTES, TEAMS, HIDDEN, LOG = 1, 2, 3, 4
CATALOG = make_catalog(
    make_table(oid=NOTES, relname="notes", owner="owner", has_rls=True),
    make_table(oid=TEAMS, relname="teams", owner="owner", has_rls=True),
    make_table(oid=HIDDEN, schemaname="app", relname="notes", owner="owner"),
    make_table(oid=LOG, relname="log", owner="owner"),
)
ROLES = {
    name: make(RoleAttributesRow, rolname=name, privileges_of=(name,))
    for name in ("user", "owner", "keeper")
}
STOCK = Inventory(catalog=CATALOG, roles=ROLES)


def function(name: str, body: str, **changes: Any) -> SqlFunctionRow:
    defaults: dict[str, Any] = {
        "oid": hash(name),
        "schemaname": "public",
        "name": name,
        "owner": "owner",
        "body": body,
    }
    return make(SqlFunctionRow, **(defaults | changes))


LIST = function("list", "select * from notes")


def inside(text: str, *functions: SqlFunctionRow) -> set[tuple[int, str]]:
    """Return what functions read, as whom."""
    syntax = outline(text)
    assert syntax is not None
    found = Reading(Names(STOCK), functions).of(syntax, "user")
    assert found is not None
    return set(found.inside)


def test_a_functions_body_is_read_with_the_callers_rights() -> None:
    assert inside("select * from list()", LIST) == {(NOTES, "user")}
    assert inside("select public.list()", LIST) == {(NOTES, "user")}


@pytest.mark.parametrize(
    "text",
    [
        "select list from log",
        "select 'list()'",
        "select * from app.list()",
        "select 1 from notes",
    ],
)
def test_a_function_that_is_not_called_is_not_read(text: str) -> None:
    assert inside(text, LIST) == set()


def test_a_function_with_its_owners_rights_is_read_as_the_owner() -> None:
    as_keeper = replace(LIST, is_definer=True, owner="keeper")

    assert inside("select list()", as_keeper) == {(NOTES, "keeper")}


def test_functions_are_followed_into_those_they_call() -> None:
    outer = function("outer_one", "select list(); insert into teams values (1)")

    assert inside("select outer_one()", outer, LIST) == {
        (TEAMS, "user"),
        (NOTES, "user"),
    }


def test_functions_that_call_each_other_come_to_an_end() -> None:
    ping, pong = function("ping", "select pong()"), function("pong", "select ping()")

    assert inside("select ping()", ping, pong) == set()


def test_a_body_is_read_along_the_search_path_that_its_function_fixes() -> None:
    fixed = replace(LIST, search_path="app, public")

    assert inside("select list()", fixed) == {(HIDDEN, "user")}


def test_what_a_parsed_body_reads_is_known_from_the_catalog() -> None:
    parsed = replace(LIST, body="", relations=(TEAMS,))

    assert inside("select list()", parsed) == {(TEAMS, "user")}


def test_all_functions_of_one_name_count() -> None:
    other = replace(LIST, oid=99, body="table teams")

    assert inside("select list()", LIST, other) == {(NOTES, "user"), (TEAMS, "user")}


def test_a_body_that_cannot_be_parsed_says_nothing() -> None:
    assert inside("select list()", replace(LIST, body="select from from")) == set()


def verdict(text: str, *functions: SqlFunctionRow, answer: bool | None) -> Verdict:
    recorded = StatementText(queryid=1, text=text)
    confirmed = {} if answer is None else {("app", 1, "user"): answer}
    judge = Attributor(STOCK, "app", functions)
    found = judge.verdict(recorded, 1, "user", confirmed)
    assert found is not None
    return found


def test_what_functions_read_is_attributed() -> None:
    found = verdict("select list(), * from teams", LIST, answer=None)

    assert (found.guarded, found.inside) == ({NOTES, TEAMS}, {NOTES})
    assert found.reached == {NOTES, TEAMS}
    assert found.is_subject


def test_the_servers_no_says_nothing_about_the_inside_of_functions() -> None:
    only_inside = verdict("select list()", LIST, answer=False)
    both = verdict("select list(), * from teams", LIST, answer=False)

    assert (only_inside.guarded, only_inside.attribution) == ({NOTES}, "ast")
    assert only_inside.is_subject
    assert not only_inside.is_contradicted
    assert (both.guarded, both.is_contradicted) == ({NOTES}, True)


def test_the_servers_yes_confirms_what_functions_read() -> None:
    found = verdict("select * from list()", LIST, answer=True)

    assert (found.guarded, found.attribution) == ({NOTES}, "server")
    assert not found.is_contradicted


def test_a_changed_function_voids_what_was_remembered() -> None:
    text = StatementText(queryid=1, text="select list()")
    first = Attributor(STOCK, "app", (LIST,))
    first.verdict(text, 1, "user", {})

    same = Attributor(STOCK, "app", (replace(LIST),), first)
    other = Attributor(STOCK, "app", (replace(LIST, body="table log"),), first)

    assert same.verdict(None, 1, "user", {}) is not None
    assert other.verdict(None, 1, "user", {}) is None


def test_a_name_inside_a_function_that_is_unclear_leaves_all_unclear() -> None:
    fixed = replace(LIST, search_path="nowhere")
    text = StatementText(queryid=1, text="select list()")

    assert Attributor(STOCK, "app", (fixed,)).verdict(text, 1, "user", {}) is None
