"""Which rewrites a policy allows, and the statements that make and undo them."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.model.catalog import Index, Policy
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.rls.inventory import Inventory
from monitor.rls.rewriting import Rewrite, rewrites
from tests.unit.factories import make, make_catalog, make_table

EXISTS = (
    "(EXISTS ( SELECT 1 FROM public.m WHERE ((m.team = orders.team) AND "
    "(m.usr = auth.uid()))))"
)
SET = "team IN (SELECT m.team FROM public.m WHERE m.usr = (SELECT auth.uid()))"
HEAD = "set lock_timeout = '100ms';\nalter policy own on public.orders"


def function(oid: int, schema: str, name: str, **changes: Any) -> PolicyFunctionRow:
    values = {"volatility": "s", "returns": "uuid"} | changes
    return make(PolicyFunctionRow, oid=oid, schemaname=schema, name=name, **values)


FUNCTIONS = (
    function(1, "auth", "uid"),
    function(2, "app", "teams", returns="uuid[]"),
    function(3, "app", "each", returns_set=True),
    function(4, "app", "admin", volatility="v", arguments="", returns="boolean"),
    function(5, "app", "total", kind="a"),
    function(6, "pg_catalog", "random", volatility="v"),
    function(7, "app", "two", returns="uuid[]"),
    function(8, "app", "two", returns="int[]"),
)


def found(
    using: str | None, *, indexed: str = "", has_rls: bool = True, **changes: Any
) -> dict[str, Rewrite]:
    values: dict[str, Any] = {
        "oid": 5,
        "name": "own",
        "relid": 1,
        "command": "*",
        "is_permissive": True,
        "roles": ("app_user",),
        "using": using,
    }
    policy = make(Policy, **(values | {"check": ""} | changes))
    index = make(Index, oid=9, relid=1, columns=(indexed,), is_valid=True)
    known = Inventory(
        catalog=make_catalog(
            make_table(has_rls=has_rls),
            policies=[policy],
            indexes=[index] if indexed else [],
        ),
        functions={row.oid: row for row in FUNCTIONS},
        references={
            5: make(PolicyReferenceRow, policy=5, functions=tuple(range(1, 9)))
        },
        roles={"authenticated": make(RoleAttributesRow, rolname="authenticated")},
    )
    return {each.rule: each for each in rewrites(known, policy)}


def test_a_bare_call_is_wrapped_and_unwrapped() -> None:
    rewrite = found("(usr = auth.uid())")["wrap_calls"]

    assert rewrite.sql == f"{HEAD}\n    using (usr = (SELECT auth.uid()));"
    assert rewrite.undo == f"{HEAD}\n    using ((usr = auth.uid()));"
    assert not rewrite.needs_human


def test_only_the_clause_that_changes_is_named() -> None:
    rewrite = found("(n > 0)", check="(usr = auth.uid())")["wrap_calls"]

    assert rewrite.sql == f"{HEAD}\n    with check (usr = (SELECT auth.uid()));"


def test_a_volatile_function_is_declared_stable_by_a_person() -> None:
    rewrites_ = found("(app.admin() OR (usr = auth.uid()))")
    rewrite = rewrites_["declare_stable"]

    assert rewrites_.keys() == {"declare_stable"}
    assert rewrite.needs_human
    assert rewrite.sql.startswith(
        "alter function app.admin() stable;\nset lock_timeout"
    )
    assert "(SELECT app.admin()) OR usr = (SELECT auth.uid())" in rewrite.sql
    assert rewrite.undo.endswith(";\nalter function app.admin() volatile;")


def test_an_array_is_wrapped_with_its_type() -> None:
    rewrite = found("(team = ANY (app.teams()))")["wrap_calls"]

    assert "= ANY((SELECT app.teams())::uuid[])" in rewrite.sql


@pytest.mark.parametrize(
    "using",
    [
        "(usr = ( SELECT auth.uid() AS uid))",
        "(created < now())",
        "(team IN ( SELECT app.each() AS each))",
        "(usr = app.each())",
        "(n = app.total(1))",
        "(random() < 0.5)",
        "(usr = app.unknown())",
        "(team = ANY (app.two()))",
        "true",
        "(((",
        "",
        None,
    ],
)
def test_nothing_is_proposed_for(using: str | None) -> None:
    assert found(using) == {}


def test_nothing_is_proposed_while_row_level_security_is_off() -> None:
    assert found("(usr = auth.uid())", has_rls=False) == {}


def test_a_sub_select_per_row_becomes_a_set_with_its_calls_wrapped() -> None:
    rewrites_ = found(EXISTS)

    assert list(rewrites_) == ["wrap_calls", "use_set"]
    assert rewrites_["use_set"].sql == f"{HEAD}\n    using ({SET});"


def test_an_indexed_column_is_compared_with_an_array() -> None:
    rewrite = found(EXISTS, indexed="team")["use_array"]

    assert f"team = ANY(ARRAY({SET.removeprefix('team IN (')})" in rewrite.sql


def test_a_check_keeps_its_sub_select() -> None:
    rewrite = found(EXISTS, check=EXISTS)["use_set"]

    assert rewrite.using == SET
    assert rewrite.check.startswith("EXISTS (SELECT 1 FROM public.m")


@pytest.mark.parametrize("volatile", ["app.admin()", "(random() < 0.5)"])
def test_no_set_is_made_beside_a_volatile_function(volatile: str) -> None:
    assert found(f"({volatile} OR {EXISTS})", indexed="team").keys() <= {
        "declare_stable",
        "wrap_calls",
    }


def test_a_policy_for_everybody_that_asks_for_a_login_names_its_roles() -> None:
    rewrite = found("(usr = auth.uid())", roles=("public",))["restrict_roles"]

    assert rewrite.sql == f"{HEAD} to authenticated;"
    assert rewrite.undo == f"{HEAD} to public;"
    assert rewrite.needs_human


@pytest.mark.parametrize(
    "changes",
    [
        {"using": "((usr = auth.uid()) OR is_open)", "roles": ("public",)},
        {"using": "(usr = auth.uid())", "roles": ("anon",)},
        {
            "using": "(usr = auth.uid())",
            "roles": ("public",),
            "is_permissive": False,
        },
    ],
)
def test_roles_stay_where_a_row_could_be_lost_or_gained(
    changes: dict[str, Any],
) -> None:
    assert "restrict_roles" not in found(changes.pop("using"), **changes)
