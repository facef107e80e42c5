"""Lints on whom policies bind, and on the functions they trust."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from monitor.lints import (
    api_role_bypasses_rls,
    bypassrls_role_in_use,
    policy_command_without_select,
    policy_definer_function_search_path,
    table_not_forced,
)
from monitor.model.catalog import Catalog, Policy
from monitor.model.finding import ObjectRef, Severity
from monitor.model.persona import RlsOptions
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.target import Target
from monitor.model.view import StatementText, View
from tests.unit.factories import (
    Part,
    current,
    lately,
    make,
    make_catalog,
    make_table,
    run,
    view,
)

TARGET = Target(name="orders")


def role(name: str, *privileges_of: str, **changes: object) -> RoleAttributesRow:
    values: dict[str, object] = {
        "rolname": name,
        "privileges_of": (name, *privileges_of),
    }
    return make(RoleAttributesRow, **(values | changes))


def roles(*rows: RoleAttributesRow) -> Part:
    return current(RoleAttributesRow, *rows)


def function(**changes: object) -> Part:
    values: dict[str, object] = {
        "oid": 100,
        "schemaname": "app",
        "name": "org",
        "arguments": "integer",
        "is_definer": True,
        "search_path": None,
    }
    row = make(PolicyFunctionRow, **(values | changes))
    return current(PolicyFunctionRow, row, datname="app")


@pytest.mark.parametrize(
    ("search_path", "undo"),
    [
        (None, "reset search_path;"),
        ("public, auth, pg_temp", "set search_path = public, auth, pg_temp;"),
        ('"$user", public', 'set search_path = "$user", public;'),
        ("pg_catalog, public", "set search_path = pg_catalog, public;"),
        ("pg_temp", "set search_path = pg_temp;"),
    ],
)
def test_a_definer_function_whose_names_others_can_take_is_critical(
    search_path: str | None, undo: str
) -> None:
    found = run(
        policy_definer_function_search_path, view(function(search_path=search_path))
    )

    assert [f.severity for f in found] == [Severity.CRITICAL]
    assert found[0].object == ObjectRef("function", "app", "org(integer)")
    assert found[0].remedy is not None
    assert (
        found[0].remedy.sql == "alter function app.org(integer) set search_path = '';"
    )
    assert found[0].remedy.undo == f"alter function app.org(integer) {undo}"


@pytest.mark.parametrize(
    "changes",
    [
        {"search_path": '""'},
        {"search_path": "pg_catalog"},
        {"search_path": "auth, pg_temp"},
        {"is_definer": False},
    ],
)
def test_a_definer_function_with_a_path_of_its_own_is_fine(
    changes: dict[str, object],
) -> None:
    found = run(policy_definer_function_search_path, view(function(**changes)))

    assert found == []


@pytest.mark.parametrize(
    ("changes", "attribute"),
    [({}, "bypassrls"), ({"is_superuser": True}, "superuser")],
)
def test_a_role_of_the_api_that_no_policy_binds_is_critical(
    changes: dict[str, object], attribute: str
) -> None:
    seen = view(roles(role("anon", bypasses_rls=True, **changes)))

    found = run(api_role_bypasses_rls, seen)

    assert [(f.object.name, f.severity) for f in found] == [("anon", Severity.CRITICAL)]
    assert found[0].remedy is not None
    assert found[0].remedy.sql == f"alter role anon no{attribute};"


def test_other_roles_may_bypass_and_roles_of_the_api_may_be_bound() -> None:
    seen = view(roles(role("service_role", bypasses_rls=True), role("authenticated")))

    assert run(api_role_bypasses_rls, seen) == []


def test_which_roles_are_the_apis_is_configuration() -> None:
    target = Target(name="orders", rls=RlsOptions(api_roles=("web",)))
    attributes = roles(role("anon", bypasses_rls=True), role("web", bypasses_rls=True))

    found = run(api_role_bypasses_rls, view(attributes, target=target))

    assert [f.object.name for f in found] == ["web"]


def policy(name: str, command: str, *names: str, **changes: object) -> Policy:
    values: dict[str, object] = {
        "name": name,
        "relid": 1,
        "command": command,
        "is_permissive": True,
        "roles": names,
    }
    return make(Policy, **(values | changes))


def guarded(*policies: Policy, **changes: object) -> Catalog:
    return make_catalog(make_table(has_rls=True, **changes), policies=policies)


def changing(*policies: Policy) -> list[str]:
    attributes = roles(
        role("editors"), role("anna", "editors"), role("jobs", bypasses_rls=True)
    )
    seen = view(attributes, catalogs=[guarded(*policies)])
    return [f.object.name for f in run(policy_command_without_select, seen)]


@pytest.mark.parametrize(
    "others",
    [
        [],
        [policy("reading", "r", "anon")],
        [policy("narrowing", "r", "public", is_permissive=False)],
        [policy("writing", "a", "public")],
        [policy("elsewhere", "r", "public", relid=2)],
    ],
)
@pytest.mark.parametrize("command", ["w", "d"])
def test_a_role_that_may_change_rows_that_it_cannot_see_is_found(
    others: list[Policy], command: str
) -> None:
    assert changing(policy("p", command, "anna"), *others) == ["orders.p"]


@pytest.mark.parametrize("command", ["r", "*"])
@pytest.mark.parametrize("reader", ["anna", "editors", "public"])
def test_a_role_that_sees_what_it_may_change_is_not_found(
    command: str, reader: str
) -> None:
    assert changing(policy("p", "w", "anna"), policy("r", command, reader)) == []


@pytest.mark.parametrize(
    "policies",
    [
        [policy("p", "w", "public"), policy("r", "r", "anna")],
        [policy("p", "w", "jobs")],
        [policy("p", "w", "anna", is_permissive=False)],
        [policy("p", "a", "anna")],
        [policy("p", "*", "anna")],
    ],
)
def test_policies_that_leave_nobody_blind_are_not_found(policies: list[Policy]) -> None:
    assert changing(*policies) == []


def test_a_policy_for_everyone_needs_one_that_shows_rows_to_somebody() -> None:
    assert changing(policy("p", "w", "public")) == ["orders.p"]


def traffic(
    user: str,
    text: str,
    *attributes: RoleAttributesRow,
    target: Target = TARGET,
    policies: Sequence[Policy] = (policy("p", "*", "public"),),
    **more: Any,
) -> View:
    statement = make(
        StatementRow,
        userid=9,
        dbid=5,
        queryid=1,
        toplevel=True,
        calls_total=3,
        exec_time_seconds_total=0.5,
    )
    return view(
        roles(*attributes),
        lately(StatementRow, statement),
        current(PolicyReferenceRow, datname="app"),
        current(PolicyFunctionRow, datname="app"),
        current(ViewReferenceRow, datname="app"),
        catalogs=[guarded(*policies, **more)],
        texts={1: StatementText(queryid=1, text=text)},
        roles={9: user},
        databases={5: "app"},
        target=target,
    )


def test_a_role_with_bypassrls_that_runs_statements_on_guarded_tables_is_found() -> (
    None
):
    service = role("service_role", bypasses_rls=True)

    found = run(
        bypassrls_role_in_use,
        traffic("service_role", "select * from orders", service),
    )

    assert [f.severity for f in found] == [Severity.WARNING]
    assert found[0].object == ObjectRef("role", "", "service_role")
    assert found[0].evidence[0].value == 3


@pytest.mark.parametrize(
    ("user", "text", "changes"),
    [
        ("service_role", "select * from other", {}),
        ("service_role", "select from orders where (", {}),
        ("service_role", "select * from orders", {"is_superuser": True}),
        ("service_role", "select * from orders", {"bypasses_rls": False}),
        ("authenticated", "select * from orders", {}),
    ],
)
def test_roles_that_are_bound_or_trusted_or_idle_are_not_found(
    user: str, text: str, changes: dict[str, object]
) -> None:
    service = role("service_role", **({"bypasses_rls": True} | changes))

    seen = traffic(user, text, service, role("authenticated"))

    assert run(bypassrls_role_in_use, seen) == []


@pytest.mark.parametrize(
    ("changes", "count"), [({"owner": "auth"}, 0), ({"owner": "x"}, 1)]
)
def test_an_owner_is_not_bound_with_or_without_bypassrls(
    changes: dict[str, Any], count: int
) -> None:
    owner = role("service", "auth", bypasses_rls=True)

    seen = traffic("service", "select from orders", owner, **changes)

    assert len(run(bypassrls_role_in_use, seen)) == count


def test_where_no_policy_is_there_is_nothing_to_bypass() -> None:
    service = role("service", bypasses_rls=True)

    seen = traffic("service", "select from orders", service, policies=())

    assert run(bypassrls_role_in_use, seen) == []


def test_what_is_configured_for_probes_may_bypass() -> None:
    service = role("service_role", bypasses_rls=True)
    target = Target(name="orders", rls=RlsOptions(bypass_role="service_role"))

    seen = traffic("service_role", "select * from orders", service, target=target)

    assert run(bypassrls_role_in_use, seen) == []


def test_a_table_whose_owner_runs_statements_on_it_is_not_forced() -> None:
    owner = role("app_owner")

    found = run(table_not_forced, traffic("app_owner", "select from orders", owner))

    assert [f.severity for f in found] == [Severity.INFO]
    assert found[0].summary == (
        "policies of table public.orders do not bind app_owner: it has no FORCE"
    )


def test_a_role_of_the_api_with_the_owners_privileges_is_found_without_traffic() -> (
    None
):
    attributes = roles(role("authenticated", "app_owner"), role("app_owner"))
    seen = view(attributes, catalogs=[guarded(policy("p", "*", "public"))])

    found = run(table_not_forced, seen)

    assert ["authenticated" in f.summary for f in found] == [True]


@pytest.mark.parametrize(
    ("user", "attributes", "changes"),
    [
        ("app_owner", role("app_owner"), {"forces_rls": True}),
        ("app_owner", role("app_owner", bypasses_rls=True), {}),
        ("authenticated", role("authenticated"), {}),
        ("other_owner", role("other_owner"), {}),
    ],
)
def test_tables_that_bind_whoever_uses_them_need_no_force(
    user: str, attributes: RoleAttributesRow, changes: dict[str, Any]
) -> None:
    seen = traffic(user, "select from orders", attributes, **changes)

    assert run(table_not_forced, seen) == []
