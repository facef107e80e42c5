"""Which policies a statement evaluates, as parser, inventory and server know it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.model.catalog import Catalog, Policy
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.target import Target
from monitor.model.view import StatementText, View
from monitor.rls.attribution import (
    MOST_VERDICTS,
    Attributor,
    Verdict,
    attributor,
)
from monitor.rls.inventory import MOST_KEPT, Inventory
from tests.unit.factories import current, make, make_catalog, make_table, view

NOTES, TEAMS, LOG, AUDIT, RECENT, MINE = 1, 2, 3, 4, 5, 6
CATALOG = make_catalog(
    make_table(oid=NOTES, relname="notes", owner="owner", has_rls=True),
    make_table(oid=TEAMS, relname="teams", owner="owner", has_rls=True),
    make_table(oid=LOG, relname="log", owner="owner"),
    make_table(oid=AUDIT, schemaname="audit", relname="teams", owner="owner"),
    policies=[
        make(Policy, oid=10, relid=NOTES, command="r", roles=("public",)),
        make(Policy, oid=11, relid=NOTES, command="a", roles=("public",)),
    ],
)
REFERENCES = (
    make(PolicyReferenceRow, policy=10),
    make(PolicyReferenceRow, policy=11, relations=(TEAMS,)),
)
VIEWS = (
    make(
        ViewReferenceRow,
        oid=RECENT,
        schemaname="public",
        relname="recent",
        kind="v",
        owner="owner",
        relations=(NOTES,),
    ),
    make(
        ViewReferenceRow,
        oid=MINE,
        schemaname="public",
        relname="mine",
        kind="v",
        owner="owner",
        relations=(NOTES,),
        is_invoker=True,
    ),
)
ROLES = (
    make(RoleAttributesRow, rolname="user", privileges_of=("user",)),
    make(RoleAttributesRow, rolname="owner", privileges_of=("owner",)),
    make(RoleAttributesRow, rolname="service", bypasses_rls=True),
)
STOCK = Inventory(
    catalog=CATALOG,
    roles={each.rolname: each for each in ROLES},
    references={each.policy: each for each in REFERENCES},
    views={each.oid: each for each in VIEWS},
)


def verdict(
    text: str,
    role: str = "user",
    *,
    answer: bool | None = None,
    truncated: bool = False,
) -> Verdict | None:
    confirmed = {} if answer is None else {("app", 7, role): answer}
    recorded = StatementText(queryid=7, text=text, truncated=truncated)
    return Attributor(STOCK, "app").verdict(recorded, 7, role, confirmed)


def guarded(text: str, role: str = "user") -> set[int]:
    found = verdict(text, role)
    assert found is not None
    assert found.is_subject is bool(found.guarded)
    return set(found.guarded)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select * from notes", {NOTES}),
        ("select * from notes n join log l on l.id = n.id", {NOTES}),
        ("select * from public.teams", {TEAMS}),
        ("select * from audit.teams", set[int]()),
        ("select 'notes' as notes from log", set[int]()),
        ("with notes as (select 1) select * from notes", set[int]()),
        ("select * from recent", set[int]()),
        ("select * from mine", {NOTES}),
        ("insert into notes values ($1)", {NOTES, TEAMS}),
        ("update notes set text = $1", {NOTES}),
        ("prepare p as select * from notes", {NOTES}),
        ("copy notes to stdout", {NOTES}),
        ("create table t as select * from notes", {NOTES}),
        ("explain analyze select * from notes", set[int]()),
        ("create view v as select * from notes", set[int]()),
        ("truncate notes", set[int]()),
        ("lock table notes", set[int]()),
        ("vacuum notes", set[int]()),
        ("select 1", set[int]()),
    ],
)
def test_tables_whose_policies_a_statement_evaluates(
    text: str, expected: set[int]
) -> None:
    assert guarded(text) == expected


@pytest.mark.parametrize("role", ["owner", "service"])
def test_a_role_that_policies_do_not_bind_reaches_the_table_all_the_same(
    role: str,
) -> None:
    found = verdict("select * from recent join teams using (id)", role)

    assert found == Verdict(reached=frozenset({NOTES, TEAMS}))


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "select from from notes"},
        {"text": "select * from notes", "truncated": True},
    ],
)
def test_what_the_parser_cannot_read_is_not_analysed(changes: dict[str, Any]) -> None:
    assert verdict(**changes) is None


def test_a_name_that_could_mean_several_tables_is_not_analysed() -> None:
    elsewhere = make(RoleAttributesRow, rolname="user", settings=("search_path=shop",))
    stock = replace(STOCK, roles={"user": elsewhere})
    of = Attributor(stock, "app").verdict
    unclear = StatementText(queryid=1, text="select * from teams")
    loose = StatementText(queryid=2, text="select * from notes")

    found = of(loose, 2, "user", {})

    assert of(unclear, 1, "user", {}) is None
    assert found is not None
    assert (found.guarded, found.is_loose) == ({NOTES}, True)


def test_the_server_confirms_the_parser() -> None:
    found = verdict("select * from notes", answer=True)

    assert found is not None
    assert (found.guarded, found.attribution) == ({NOTES}, "server")
    assert not found.is_contradicted


def test_where_the_server_says_no_nothing_is_attributed() -> None:
    found = verdict("select * from notes", answer=False)

    assert found is not None
    assert (found.guarded, found.is_subject) == (frozenset(), False)
    assert (found.attribution, found.is_contradicted) == ("server", True)


@pytest.mark.parametrize("text", ["select * from list_notes()", "select from from"])
def test_where_the_server_says_yes_the_table_may_remain_unknown(text: str) -> None:
    found = verdict(text, answer=True)

    assert found is not None
    assert (found.guarded, found.is_subject) == (frozenset(), True)
    assert (found.attribution, found.is_contradicted) == ("server", True)


def test_a_statement_without_a_text_waits_for_it() -> None:
    of = Attributor(STOCK, "app").verdict
    text = StatementText(queryid=7, text="table notes")

    assert of(None, 7, "user", {}) is None
    assert of(text, 7, "user", {}) is not None
    # Known from now on, even if the text is forgotten.
    assert of(None, 7, "user", {}) is not None


def test_verdicts_do_not_pile_up_for_ever() -> None:
    judge = Attributor(STOCK, "app")
    text = StatementText(queryid=0, text="table notes", truncated=True)

    for number in range(MOST_VERDICTS + 1):
        judge.verdict(text, number, "user", {})

    assert len(judge.parsed) == 1


def test_views_are_looked_through_once() -> None:
    found = verdict("select * from recent join mine using (id), recent again")

    assert found is not None
    assert (found.guarded, found.reached) == ({NOTES}, {NOTES})


def test_names_of_the_system_catalogs_mean_nothing_here() -> None:
    assert verdict("select * from pg_class join pg_namespace on true") == Verdict()


def test_attributors_of_many_databases_do_not_pile_up() -> None:
    first = attributor(seen(target="first"), "app")
    for number in range(MOST_KEPT):
        attributor(seen(target=f"of {number}"), "app")

    assert attributor(seen(target="first"), "app") is not first


def seen(*, catalog: Catalog = CATALOG, target: str = "attribution") -> View:
    return view(
        current(PolicyReferenceRow, *REFERENCES, datname="app"),
        current(PolicyFunctionRow, datname="app"),
        current(ViewReferenceRow, *VIEWS, datname="app"),
        current(RoleAttributesRow, *ROLES),
        target=Target(name=target),
        catalogs=[catalog],
    )


def test_verdicts_outlive_a_catalog_in_which_only_sizes_changed() -> None:
    larger = replace(CATALOG.relations[NOTES], reltuples=100.0)
    grown = replace(CATALOG, relations={**CATALOG.relations, NOTES: larger})
    off = replace(CATALOG.relations[NOTES], has_rls=False)
    switched = replace(CATALOG, relations={**CATALOG.relations, NOTES: off})
    text = StatementText(queryid=7, text="table notes")
    first = attributor(seen(), "app")
    assert first is not None
    first.verdict(text, 7, "user", {})

    same, later = attributor(seen(), "app"), attributor(seen(catalog=grown), "app")
    changed = attributor(seen(catalog=switched), "app")

    assert same is first
    assert later is not None
    assert later.stock.catalog is grown
    assert later.verdict(None, 7, "user", {}) is not None
    assert changed is not None
    assert changed.verdict(None, 7, "user", {}) is None
    assert changed.verdict(text, 7, "user", {}) == Verdict()


def test_there_is_no_attribution_without_an_inventory() -> None:
    assert attributor(view(target=Target(name="attribution")), "app") is None
