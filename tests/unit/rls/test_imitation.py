"""Statements with policies written into them."""

from __future__ import annotations

from typing import Any

from monitor.model.catalog import Policy
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.rls.arguments import Rule
from monitor.rls.imitation import changed_policy, imitation
from monitor.rls.inventory import Inventory
from monitor.rls.rewriting import Rewrite
from tests.unit.factories import make, make_catalog, make_table

COUNT = "select count(*) from public.orders"


def policy(oid: int, using: str | None, **changes: Any) -> Policy:
    values: dict[str, Any] = {
        "name": f"p{oid}",
        "relid": 1,
        "command": "*",
        "is_permissive": True,
        "roles": ("public",),
        "check": "",
    }
    return make(Policy, oid=oid, using=using, **(values | changes))


def known(*policies: Policy, **changes: Any) -> Inventory:
    table = make_table(has_rls=True, owner="owner", **changes)
    return Inventory(
        catalog=make_catalog(table, policies=policies),
        references={p.oid: make(PolicyReferenceRow, policy=p.oid) for p in policies},
    )


def rewritten(
    of: Policy,
    using: str,
    *,
    rule: Rule = "wrap_calls",
    roles: tuple[str, ...] = ("public",),
) -> Rewrite:
    return Rewrite(
        datname="app",
        relation=make_table(),
        policy=of,
        rule=rule,
        using=using,
        check="",
        roles=roles,
        sql="",
        undo="",
        argument="",
        risk="",
        needs_human=False,
    )


def test_permissive_policies_add_up_and_restrictive_ones_all_count() -> None:
    inventory = known(
        policy(1, "(a = 1)"),
        policy(2, "(b = 2)"),
        policy(3, "(c = 3)", is_permissive=False),
        policy(4, "(d = 4)", command="w"),
        policy(5, "(e = 5)", roles=("other",)),
        policy(6, ""),
    )

    assert imitation(inventory, COUNT, "app") == (
        "SELECT count(*) FROM (SELECT * FROM public.orders WHERE c = 3 AND "
        "(a = 1 OR b = 2)) orders"
    )


def test_a_table_without_a_policy_for_the_role_shows_nothing() -> None:
    assert imitation(known(), COUNT, "app") == (
        "SELECT count(*) FROM (SELECT * FROM public.orders WHERE false) orders"
    )


def test_the_owner_is_not_bound() -> None:
    text = imitation(known(policy(1, "(a = 1)")), COUNT, "owner")

    assert text == "SELECT count(*) FROM public.orders"


def test_a_rewrite_takes_its_policy_s_place() -> None:
    old = policy(1, "(a = f())")
    rewrite = rewritten(old, "a = (select f())")

    text = imitation(known(old), COUNT, "app", rewrite)

    assert "WHERE a = (SELECT f())" in (text or "")


def test_a_policy_does_not_count_for_a_role_it_is_no_longer_for() -> None:
    rewrite = rewritten(
        policy(1, "(a = 1)"), "(a = 1)", rule="restrict_roles", roles=("user",)
    )

    assert changed_policy(rewrite, "anon") == "false"
    assert changed_policy(rewrite, "user") == "(a = 1)"


def test_there_is_none_while_an_expression_is_not_known() -> None:
    assert imitation(known(policy(1, None)), COUNT, "app") is None
