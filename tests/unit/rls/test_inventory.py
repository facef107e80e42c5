"""Whom policies bind, which of them count, and what is read on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from monitor.model.catalog import Policy, Relation
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.target import Target
from monitor.model.view import View
from monitor.rls.inventory import MOST_KEPT, Inventory, inventory
from tests.unit.factories import Part, current, make, make_catalog, make_table, view

NOTES = make_table(oid=1, relname="notes", owner="owner", has_rls=True)
TEAMS = make_table(oid=2, relname="teams", owner="owner", has_rls=True)
LOG = make_table(oid=3, relname="log", owner="owner")


def role(rolname: str, *inherited: str, **changes: Any) -> RoleAttributesRow:
    return make(
        RoleAttributesRow,
        rolname=rolname,
        privileges_of=(rolname, *inherited),
        **changes,
    )


ROLES = (
    role("owner"),
    role("user"),
    role("deputy", "owner"),
    role("service", bypasses_rls=True),
    role("root", "owner", is_superuser=True, bypasses_rls=True),
)


def policy(oid: int, relid: int, *roles: str, command: str = "*") -> Policy:
    return make(
        Policy,
        oid=oid,
        relid=relid,
        name=f"policy_{oid}",
        command=command,
        roles=roles or ("public",),
    )


def reference(number: int, *relations: int, **changes: Any) -> PolicyReferenceRow:
    return make(PolicyReferenceRow, policy=number, relations=relations, **changes)


def seen_view(oid: int, *relations: int, **changes: Any) -> ViewReferenceRow:
    defaults: dict[str, Any] = {"kind": "v", "owner": "owner"}
    return make(ViewReferenceRow, oid=oid, relations=relations, **(defaults | changes))


def take_stock(
    *policies: Policy,
    tables: Iterable[Relation] = (NOTES, TEAMS, LOG),
    references: Iterable[PolicyReferenceRow] = (),
    functions: Iterable[PolicyFunctionRow] = (),
    views: Iterable[ViewReferenceRow] = (),
) -> Inventory:
    return Inventory(
        catalog=make_catalog(*tables, policies=policies),
        roles={each.rolname: each for each in ROLES},
        references={each.policy: each for each in references},
        functions={each.oid: each for each in functions},
        views={each.oid: each for each in views},
    )


@pytest.mark.parametrize(
    ("name", "is_bound"),
    [
        ("user", True),
        ("newcomer", True),
        ("owner", False),
        ("deputy", False),
        ("service", False),
        ("root", False),
    ],
)
def test_policies_bind_all_but_owners_and_those_who_bypass(
    name: str, *, is_bound: bool
) -> None:
    stock = take_stock()

    assert stock.binds(NOTES.oid, name) is is_bound


@pytest.mark.parametrize(
    ("name", "is_bound"), [("owner", True), ("deputy", True), ("service", False)]
)
def test_forced_policies_bind_the_owner_but_nobody_who_bypasses(
    name: str, *, is_bound: bool
) -> None:
    stock = take_stock(tables=[replace(NOTES, forces_rls=True)])

    assert stock.binds(NOTES.oid, name) is is_bound


def test_nobody_is_bound_while_rls_is_off_or_the_table_is_unknown() -> None:
    stock = take_stock(policy(10, LOG.oid))

    assert not stock.binds(LOG.oid, "user")
    assert not stock.binds(99, "user")


def test_policies_count_by_role_membership_and_command() -> None:
    for_all = policy(10, NOTES.oid)
    for_owners = policy(11, NOTES.oid, "owner", command="r")
    for_users = policy(12, NOTES.oid, "user", "service", command="w")
    stock = take_stock(for_all, for_owners, for_users, policy(13, TEAMS.oid))

    assert stock.applicable(NOTES.oid, "user", "select") == (for_all,)
    assert stock.applicable(NOTES.oid, "user", "update") == (for_all, for_users)
    assert stock.applicable(NOTES.oid, "deputy", "select") == (for_all, for_owners)
    assert stock.applicable(NOTES.oid, "newcomer", "delete") == (for_all,)


def test_what_a_policy_reads_is_read_by_the_same_role() -> None:
    stock = take_stock(
        policy(10, NOTES.oid),
        policy(20, TEAMS.oid),
        references=[reference(10, TEAMS.oid, LOG.oid), reference(20, TEAMS.oid)],
    )

    assert stock.closure([NOTES.oid], "user") == {NOTES.oid, TEAMS.oid}
    assert stock.closure([NOTES.oid], "service") == frozenset()


def test_a_policy_for_another_command_is_not_followed() -> None:
    stock = take_stock(
        policy(10, NOTES.oid, command="a"), references=[reference(10, TEAMS.oid)]
    )

    assert stock.closure([NOTES.oid], "user", ["select"]) == {NOTES.oid}
    assert stock.closure([NOTES.oid], "user", ["insert"]) == {NOTES.oid, TEAMS.oid}


def test_a_view_is_read_with_its_owners_rights() -> None:
    stock = take_stock(
        views=[seen_view(5, NOTES.oid), seen_view(6, NOTES.oid, owner="user")]
    )

    assert stock.closure([5], "user") == frozenset()
    assert stock.closure([6], "service") == {NOTES.oid}


def test_an_invoker_view_is_read_with_the_rights_of_whoever_asks() -> None:
    stock = take_stock(
        views=[seen_view(5, NOTES.oid, is_invoker=True), seen_view(6, 5, TEAMS.oid)]
    )

    assert stock.closure([5], "user") == {NOTES.oid}
    assert stock.closure([5], "service") == frozenset()
    # The outer view's rights end at the invoker view inside it.
    assert stock.closure([6], "user") == {NOTES.oid}


def test_a_materialized_view_holds_its_rows() -> None:
    stock = take_stock(views=[seen_view(5, NOTES.oid, kind="m", owner="user")])

    assert stock.closure([5], "user") == frozenset()


def test_partitions_are_guarded_by_the_table_that_is_named() -> None:
    parent = replace(NOTES, kind="p")
    part = make_table(oid=4, relname="notes_1", parent=1, owner="owner", has_rls=True)
    stock = take_stock(tables=[parent, part])

    assert stock.closure([parent.oid], "user") == {parent.oid}
    assert stock.closure([part.oid], "user") == {part.oid}


def test_views_that_name_each_other_come_to_an_end() -> None:
    stock = take_stock(views=[seen_view(5, 6), seen_view(6, 5, NOTES.oid)])

    assert stock.closure([5], "user") == frozenset()


def content_hash(**changes: Any) -> str:
    facts: dict[str, Any] = {
        "tables": [NOTES],
        "references": [reference(10, functions=(7,), hash="a")],
        "functions": [make(PolicyFunctionRow, oid=7, hash="f")],
    }
    stock = take_stock(policy(10, NOTES.oid), **(facts | changes))
    return stock.policy_set(NOTES.oid)


@pytest.mark.parametrize(
    "changes",
    [
        {"tables": [replace(NOTES, has_rls=False)]},
        {"tables": [replace(NOTES, forces_rls=True)]},
        {"references": [reference(10, functions=(7,), hash="b")]},
        {"references": ()},
        {"functions": [make(PolicyFunctionRow, oid=7, hash="g")]},
    ],
)
def test_the_policy_set_changes_with_what_policies_do(changes: dict[str, Any]) -> None:
    assert content_hash(**changes) != content_hash()


def test_the_policy_set_stays_when_only_the_table_grows() -> None:
    assert content_hash(tables=[replace(NOTES, reltuples=5.0)]) == content_hash()


PARTS: tuple[Part, ...] = (
    current(PolicyReferenceRow, reference(10), datname="app"),
    current(PolicyFunctionRow, datname="app"),
    current(ViewReferenceRow, datname="app"),
    current(RoleAttributesRow, *ROLES),
)


def look(*parts: Part, target: str = "stock", **changes: Any) -> View:
    return view(*parts, target=Target(name=target), **changes)


def test_an_inventory_is_made_of_all_its_parts() -> None:
    catalog = make_catalog(NOTES, policies=[policy(10, NOTES.oid)])

    made = inventory(look(*PARTS, catalogs=[catalog]), "app")

    assert made is not None
    assert made.catalog is catalog
    assert list(made.roles) == ["owner", "user", "deputy", "service", "root"]
    assert list(made.references) == [10]


@pytest.mark.parametrize("missing", range(len(PARTS)))
def test_there_is_no_inventory_while_a_part_is_unread(missing: int) -> None:
    parts = [part for number, part in enumerate(PARTS) if number != missing]

    assert inventory(look(*parts, catalogs=[make_catalog(NOTES)]), "app") is None


def test_there_is_no_inventory_without_a_catalog() -> None:
    assert inventory(look(*PARTS), "app") is None


def test_an_inventory_is_kept_until_a_part_changes() -> None:
    catalog = make_catalog(NOTES)
    first = inventory(look(*PARTS, catalogs=[catalog]), "app")
    anew = current(RoleAttributesRow, *(replace(each) for each in ROLES))
    fewer = current(RoleAttributesRow, *ROLES[:1])

    assert inventory(look(*PARTS[:3], anew, catalogs=[catalog]), "app") is first
    assert inventory(look(*PARTS[:3], fewer, catalogs=[catalog]), "app") is not first


def test_inventories_of_two_targets_are_kept_apart() -> None:
    catalog, other = make_catalog(NOTES), make_catalog(TEAMS)
    first = inventory(look(*PARTS, catalogs=[catalog]), "app")

    second = inventory(look(*PARTS, target="other", catalogs=[other]), "app")

    assert second is not first
    assert inventory(look(*PARTS, catalogs=[catalog]), "app") is first


def test_only_so_many_inventories_are_kept() -> None:
    catalog = make_catalog(NOTES)
    first = inventory(look(*PARTS, target="first", catalogs=[catalog]), "app")
    for number in range(MOST_KEPT):
        inventory(look(*PARTS, target=f"of {number}", catalogs=[catalog]), "app")

    again = inventory(look(*PARTS, target="first", catalogs=[catalog]), "app")

    assert again is not first
    assert again == first


def test_a_table_that_nobody_reads_through_policies_has_its_own_policy_set() -> None:
    unread = take_stock(
        policy(10, NOTES.oid), references=[reference(10, functions=(7,))]
    )

    assert unread.policy_set(NOTES.oid) != unread.policy_set(99)
