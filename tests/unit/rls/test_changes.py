"""What is told when row level security changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.model.catalog import Policy, Relation
from monitor.model.finding import ObjectRef
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.rls.changes import Change, changes
from monitor.rls.inventory import Inventory
from tests.unit.factories import make, make_catalog, make_table

NOTES = make_table(oid=1, relname="notes", owner="owner", has_rls=True)
POLICY = make(
    Policy,
    oid=10,
    relid=1,
    name="own",
    command="r",
    is_permissive=True,
    roles=("user",),
    using="(id = 1)",
)
REFERENCE = make(PolicyReferenceRow, policy=10, hash="a")
FUNCTION = make(PolicyFunctionRow, oid=7, schemaname="public", name="me", hash="f")
SUMMARY = make(ViewReferenceRow, oid=5, schemaname="public", relname="v", owner="owner")
USER = make(RoleAttributesRow, rolname="user")
TABLE = ObjectRef("table", "public", "notes")


def stock(
    *tables: Relation,
    policy: Policy | None = POLICY,
    reference: PolicyReferenceRow | None = REFERENCE,
    **changes: Any,
) -> Inventory:
    facts: dict[str, Any] = {
        "roles": {"user": USER},
        "functions": {7: FUNCTION},
        "views": {5: SUMMARY},
        "references": {10: reference} if reference else {},
    }
    catalog = make_catalog(*(tables or (NOTES,)), policies=[policy] if policy else ())
    return Inventory(catalog=catalog, **(facts | changes))


def test_nothing_changed_between_equal_inventories() -> None:
    before = stock()

    assert changes(before, before) == ()
    assert changes(before, stock(replace(NOTES, reltuples=9.0))) == ()


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ({}, {"has_rls": False}, "rls_switched_off"),
        ({"has_rls": False}, {}, "rls_switched_on"),
        ({"forces_rls": True}, {}, "force_dropped"),
        ({}, {"forces_rls": True}, "force_set"),
        ({}, {"owner": "user"}, "owner_changed"),
    ],
)
def test_a_change_of_the_table_is_told(
    old: dict[str, Any], new: dict[str, Any], kind: str
) -> None:
    before, after = stock(replace(NOTES, **old)), stock(replace(NOTES, **new))

    (change,) = changes(before, after)

    assert (change.kind, change.object, change.relid) == (kind, TABLE, 1)
    assert change.before != change.after


def test_a_new_table_is_told_with_its_switch() -> None:
    log = make_table(oid=3, relname="log")

    assert changes(stock(), stock(NOTES, log)) == (
        Change(
            kind="table_created",
            object=ObjectRef("table", "public", "log"),
            oid=3,
            relid=3,
            after="no row level security",
        ),
    )


def test_a_policy_that_goes_is_told_with_what_it_said() -> None:
    (change,) = changes(stock(), stock(policy=None, reference=None))

    assert change.kind == "policy_dropped"
    assert change.object == ObjectRef("policy", "public", "notes.own")
    assert change.before == "own permissive for select to user using (id = 1)"
    assert change.after == ""


def test_a_policy_that_comes_is_told() -> None:
    (change,) = changes(stock(policy=None), stock())

    assert (change.kind, change.before) == ("policy_created", "")


@pytest.mark.parametrize(
    "after",
    [
        {"reference": replace(REFERENCE, hash="b")},
        {"policy": replace(POLICY, name="mine")},
    ],
)
def test_a_policy_that_says_something_else_is_told(after: dict[str, Any]) -> None:
    (change,) = changes(stock(), stock(**after))

    assert (change.kind, change.relid) == ("policy_changed", 1)


def test_a_policy_that_was_not_read_yet_has_not_changed() -> None:
    assert changes(stock(reference=None), stock()) == ()


def test_a_policy_that_goes_with_its_table_is_no_change_of_its_own() -> None:
    log = make_table(oid=3, relname="log")

    assert changes(stock(NOTES, log), stock(log, policy=None)) == ()


def test_a_function_that_policies_call_is_told_when_it_changes() -> None:
    after = stock(functions={7: replace(FUNCTION, hash="g")})

    (change,) = changes(stock(), after)

    assert change.kind == "function_changed"
    assert change.object == ObjectRef("function", "public", "me()")


def test_a_function_that_is_called_no_more_has_not_changed() -> None:
    assert changes(stock(), stock(functions={})) == ()


def test_a_view_that_reads_with_other_rights_is_told() -> None:
    (change,) = changes(stock(), stock(views={5: replace(SUMMARY, is_invoker=True)}))

    assert change.kind == "view_rights_changed"
    assert (change.before, change.after) == ('rights of "owner"', "invoker's rights")


def test_a_role_that_bypasses_policies_from_now_on_is_told() -> None:
    able = replace(USER, bypasses_rls=True)

    (granted,) = changes(stock(), stock(roles={"user": able}))
    (revoked,) = changes(stock(roles={"user": able}), stock())

    assert (granted.kind, revoked.kind) == ("bypass_granted", "bypass_revoked")
    assert granted.object == ObjectRef("role", name="user")
    assert (granted.before, granted.after) == ("bound by policies", "bypasses policies")


@pytest.mark.parametrize(("is_superuser", "told"), [(True, 1), (False, 0)])
def test_a_new_role_is_told_only_if_it_bypasses_policies(
    *, is_superuser: bool, told: int
) -> None:
    new = make(
        RoleAttributesRow,
        rolname="new",
        is_superuser=is_superuser,
        bypasses_rls=is_superuser,
    )

    found = changes(stock(), stock(roles={"user": USER, "new": new}))

    assert [change.before for change in found] == ["no such role"] * told
