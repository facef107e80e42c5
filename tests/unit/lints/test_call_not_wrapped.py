from __future__ import annotations

from typing import Any

import pytest

from monitor.lints import call_not_wrapped
from monitor.model.catalog import Policy
from monitor.model.finding import Finding, ObjectRef, Severity
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from tests.unit.factories import current, make, make_catalog, make_table, run, view


def found_with(*, has_rls: bool = True, **changes: Any) -> list[Finding]:
    values: dict[str, object] = {"name": "own rows", "relid": 1}
    policy = make(Policy, **(values | changes))
    catalog = make_catalog(make_table(has_rls=has_rls), policies=[policy])
    return run(call_not_wrapped, view(catalogs=[catalog]))


@pytest.mark.parametrize(
    "clauses",
    [{"using": "(user_id = auth.uid())"}, {"check": "(user_id = auth.uid())"}],
)
def test_reports_a_call_per_row(clauses: dict[str, Any]) -> None:
    found = found_with(**clauses)

    assert [f.severity for f in found] == [Severity.WARNING]
    assert found[0].object == ObjectRef("policy", "public", "orders.own rows")
    assert "calls auth.uid() for every row" in found[0].summary


@pytest.mark.parametrize(
    "using",
    [
        "(user_id = ( SELECT auth.uid() AS uid))",
        "app.may_see(id)",
        "(created_at < now())",
        "true",
        "",
        None,
    ],
)
def test_says_nothing_about_calls_that_are_wrapped_or_need_the_row(
    using: str | None,
) -> None:
    assert found_with(using=using) == []


def test_says_nothing_while_row_level_security_is_off() -> None:
    assert found_with(has_rls=False, using="(user_id = auth.uid())") == []


def test_says_nothing_about_a_table_it_does_not_know() -> None:
    assert found_with(relid=9, using="(user_id = auth.uid())") == []


def test_the_setting_behind_most_helpers_is_costly_too() -> None:
    using = "(org = (current_setting('app.org'::text))::uuid)"

    assert "calls current_setting()" in found_with(using=using)[0].summary


def test_names_each_function_once() -> None:
    using = "((a = auth.uid()) OR (b = auth.uid()) OR app.is_admin())"

    summary = found_with(using=using, check="app.is_admin()")[0].summary

    assert "calls auth.uid() and app.is_admin() for every row" in summary


def test_rewrites_only_the_clause_at_fault_and_knows_the_way_back() -> None:
    found = found_with(using="(user_id = auth.uid())", check="(amount > 0)")

    remedy = found[0].remedy
    assert remedy is not None
    head = 'alter policy "own rows" on public.orders\n    '
    assert head + "using (user_id = (SELECT auth.uid()));" in remedy.sql
    assert head + "using ((user_id = auth.uid()));" in remedy.undo
    assert remedy.lock == "AccessExclusiveLock"


def test_has_no_remedy_for_what_it_cannot_rewrite() -> None:
    found = found_with(using="(team = ANY (app.teams()))")

    assert found[0].remedy is None
    assert len(found[0].unknowns) == 2


def found_knowing(using: str, **function: Any) -> Finding:
    policy = make(Policy, oid=5, name="own", relid=1, using=using, check="")
    values: dict[str, Any] = {"oid": 2, "schemaname": "app", "name": "f", **function}
    reference = make(PolicyReferenceRow, policy=5, functions=(2,))
    catalog = make_catalog(make_table(has_rls=True), policies=[policy])
    read = view(
        current(PolicyFunctionRow, make(PolicyFunctionRow, **values), datname="app"),
        current(PolicyReferenceRow, reference, datname="app"),
        current(ViewReferenceRow, datname="app"),
        current(RoleAttributesRow),
        catalogs=[catalog],
    )
    (finding,) = run(call_not_wrapped, read)
    return finding


def test_a_volatile_function_is_declared_stable_along_with_it() -> None:
    remedy = found_knowing("app.f()", volatility="v").remedy

    assert remedy is not None
    assert remedy.sql.startswith("alter function app.f() stable;")
    assert remedy.undo.endswith("alter function app.f() volatile;")


def test_an_array_is_wrapped_once_its_type_is_known() -> None:
    remedy = found_knowing("(team = ANY (app.f()))", returns="integer[]").remedy

    assert remedy is not None
    assert "team = ANY((SELECT app.f())::int[])" in remedy.sql


def test_a_function_that_returns_rows_is_not_wrapped() -> None:
    assert found_knowing("(team = app.f())", returns_set=True).remedy is None


def test_says_what_the_application_can_do() -> None:
    evidence = found_with(using="(user_id = auth.uid())")[0].evidence

    (advice,) = (e.value for e in evidence if e.name == "in the application")
    assert str(advice).startswith("statements that filter by user_id themselves")


@pytest.mark.parametrize(
    "using",
    [
        "(role = ( SELECT (auth.jwt() ->> 'role'::text)))",
        "(org = ( SELECT (current_setting('app.org'::text))::uuid AS current_setting))",
        "(team = ANY (ARRAY( SELECT app.teams() AS teams)))",
        "(team IN ( SELECT app.teams() AS teams))",
        "(team IN ( SELECT t.id FROM app.teams() t(id)))",
        "(EXISTS ( SELECT 1 FROM public.m WHERE (m.usr = ( SELECT auth.uid() AS u))))",
    ],
)
def test_says_nothing_where_a_match_on_the_text_would_be_wrong(using: str) -> None:
    assert found_with(using=using) == []


@pytest.mark.parametrize(
    ("using", "called"),
    [
        ("((( SELECT auth.uid() AS uid) = a) OR (auth.uid() = b))", "auth.uid()"),
        ("app.is_admin()", "app.is_admin()"),
        ("(role = app.role_of('x'::text))", "app.role_of()"),
        ("(EXISTS ( SELECT 1 FROM public.m WHERE (m.usr = auth.uid())))", "auth.uid()"),
        ("(team = ANY (app.teams()))", "app.teams()"),
        ("( SELECT (app.is_admin() AND (t.a = 1)) FROM public.t)", "app.is_admin()"),
    ],
)
def test_finds_what_a_match_on_the_text_would_miss(using: str, called: str) -> None:
    (found,) = found_with(using=using)

    assert f"calls {called} for every row" in found.summary
