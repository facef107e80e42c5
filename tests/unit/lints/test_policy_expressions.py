"""Lints on what policies' expressions say, as pg_get_expr prints them."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pytest

from monitor.lints import (
    policy_captured_column,
    policy_column_not_indexed,
    policy_correlated_subquery,
    policy_function_not_inlinable,
    policy_not_analysed,
    policy_reads_rls_table,
    policy_subquery_column_not_indexed,
)
from monitor.model.catalog import Catalog, Index, Policy, Relation
from monitor.model.finding import Finding, ObjectRef, Severity
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from tests.unit.factories import (
    Part,
    current,
    make,
    make_catalog,
    make_index,
    make_table,
    run,
    view,
)

CAPTURED = (
    "(EXISTS ( SELECT 1\n   FROM public.assignments ca\n"
    "  WHERE ((ca.item_id = ca.id) AND (ca.user_id = auth.uid()))))"
)
CORRELATED = (
    "(EXISTS ( SELECT 1\n   FROM public.assignments ca\n"
    "  WHERE ((ca.item_id = items.id) AND (ca.user_id = auth.uid()))))"
)
SET = (
    "(id IN ( SELECT ca.item_id\n   FROM public.assignments ca\n"
    "  WHERE (ca.user_id = ( SELECT auth.uid() AS uid))))"
)


def items(**changes: object) -> Relation:
    defaults = {"relname": "items", "columns": ("id", "owner", "org", "status")}
    return make_table(**(defaults | {"has_rls": True, "reltuples": 50.0} | changes))


def assignments(**changes: object) -> Relation:
    columns = ("id", "item_id", "user_id", "other")
    defaults = {"oid": 2, "relname": "assignments", "columns": columns}
    return make_table(**(defaults | changes))


def catalog(
    *relations: Relation, indexes: Iterable[Index] = (), **policy: object
) -> Catalog:
    values: dict[str, object] = {
        "oid": 7,
        "name": "own rows",
        "relid": 1,
        "command": "*",
        "is_permissive": True,
        "roles": ("authenticated",),
    }
    return make_catalog(
        *(relations or (items(), assignments())),
        indexes=indexes,
        policies=[make(Policy, **(values | policy))],
    )


def judged(lint: ModuleType, *parts: Part, **policy: Any) -> list[Finding]:
    return run(lint, view(*parts, catalogs=[catalog(**policy)]))


@pytest.mark.parametrize(
    "using",
    [
        CAPTURED,
        (
            "(( SELECT auth.uid() AS uid) IN ( SELECT assignments.user_id\n"
            "   FROM public.assignments\n  WHERE (assignments.id = assignments.id)))"
        ),
        (
            "(EXISTS ( SELECT 1 FROM (public.assignments a JOIN public.teams t "
            "ON ((t.a = a.id))) WHERE (a.item_id = a.id)))"
        ),
        f"((owner = 1) OR {CAPTURED})",
    ],
)
def test_a_sub_select_that_lost_its_row_is_critical(using: str) -> None:
    found = judged(policy_captured_column, using=using)

    assert [f.severity for f in found] == [Severity.CRITICAL]
    assert found[0].object == ObjectRef("policy", "public", "items.own rows")
    assert "compares a table with itself" in found[0].summary


@pytest.mark.parametrize(
    "using",
    [
        CORRELATED,
        SET,
        "(EXISTS ( SELECT 1 FROM public.s WHERE (s.wanted = s.enabled)))",
        "(id IN ( SELECT a.item_id FROM public.assignments a WHERE (a.id = a.other)))",
        (
            "(EXISTS ( SELECT 1 FROM public.assignments a WHERE ((a.id = a.other) AND "
            "(a.item_id = items.id))))"
        ),
        "(EXISTS ( SELECT 1 FROM public.assignments a WHERE (a.id < a.item_id)))",
        "(owner = org)",
        "not an expression (",
        None,
    ],
)
def test_sub_selects_that_look_at_the_row_or_were_never_to_are_not_captured(
    using: str | None,
) -> None:
    assert judged(policy_captured_column, using=using) == []


def test_a_sub_select_that_names_the_row_is_correlated() -> None:
    found = judged(policy_correlated_subquery, check=CORRELATED)

    assert [f.severity for f in found] == [Severity.INFO]
    assert "reads public.assignments by the row's id" in found[0].summary


@pytest.mark.parametrize("using", [SET, CAPTURED, "(owner = auth.uid())", None])
def test_a_sub_select_that_is_read_once_is_not_correlated(using: str | None) -> None:
    assert judged(policy_correlated_subquery, using=using) == []


@pytest.mark.parametrize(
    ("reltuples", "severity"), [(9_999.0, Severity.INFO), (1e4, Severity.WARNING)]
)
def test_a_compared_column_without_index_is_found(
    reltuples: float, severity: Severity
) -> None:
    tables = catalog(items(reltuples=reltuples), using="(owner = auth.uid())")

    found = run(policy_column_not_indexed, view(catalogs=[tables]))

    assert [f.severity for f in found] == [severity]
    assert found[0].remedy is not None
    assert found[0].remedy.sql == (
        "create index concurrently items_owner_idx on public.items (owner);"
    )
    assert found[0].remedy.undo == "drop index concurrently public.items_owner_idx;"


@pytest.mark.parametrize(
    ("using", "columns"),
    [
        ("((owner = auth.uid()) OR (org = app.org()))", "owner and org"),
        ("((owner = auth.uid()) AND (status = 'a'::text))", "owner"),
        ("(org = ANY (ARRAY( SELECT m.org FROM public.m)))", "org"),
        ("(( SELECT auth.uid() AS uid) = owner)", "owner"),
    ],
)
def test_the_columns_that_need_an_index_are_named(using: str, columns: str) -> None:
    found = judged(policy_column_not_indexed, using=using)

    assert f"compares {columns}, which" in found[0].summary


@pytest.mark.parametrize(
    "using",
    [
        "(status = 'open'::text)",
        "((owner = auth.uid()) OR app.is_admin())",
        "((owner = auth.uid()) OR (status = 'open'::text))",
        "(id IN ( SELECT m.item FROM public.m))",
        "((owner)::text = current_setting('app.user'::text))",
        "(owner = org)",
        "(NOT (owner = auth.uid()))",
        "((owner = auth.uid()) AND (id = app.item()))",
        CORRELATED,
        "",
        None,
    ],
)
def test_no_index_is_asked_for_where_none_helps_or_one_does(using: str | None) -> None:
    tables = catalog(indexes=[make_index(columns=("id",))], using=using)

    found = run(policy_column_not_indexed, view(catalogs=[tables]))

    assert found == []


def test_an_index_that_is_invalid_serves_nothing() -> None:
    index = make_index(columns=("owner",), is_valid=False)
    tables = catalog(indexes=[index], using="(owner = auth.uid())")

    found = run(policy_column_not_indexed, view(catalogs=[tables]))

    assert len(found) == 1


def test_partitions_count_for_their_parent_which_gets_no_remedy() -> None:
    parent = items(kind="p", reltuples=-1.0)
    part = items(oid=3, relname="items_1", parent=1, reltuples=20_000.0)
    tables = catalog(parent, part, using="(owner = auth.uid())")

    found = run(policy_column_not_indexed, view(catalogs=[tables]))

    assert [(f.severity, f.remedy) for f in found] == [(Severity.WARNING, None)]


@pytest.mark.parametrize(
    ("leading", "count"), [("user_id", 0), ("item_id", 0), ("other", 1), ("", 1)]
)
def test_a_look_up_needs_one_of_its_columns_indexed(leading: str, count: int) -> None:
    index = make_index(relid=2, columns=(leading,))
    tables = catalog(indexes=[index] if leading else [], using=CORRELATED)

    found = run(policy_subquery_column_not_indexed, view(catalogs=[tables]))

    expected = "looks up public.assignments (item_id, user_id) without an index"
    assert len(found) == count
    assert [f.severity for f in found if expected in f.summary] == [
        Severity.INFO
    ] * count


@pytest.mark.parametrize(
    "using",
    [
        "(EXISTS ( SELECT 1 FROM public.assignments a WHERE (a.other = 1)))",
        "(EXISTS ( SELECT 1 FROM public.a_view v WHERE (v.id = items.id)))",
        "(owner = 1)",
    ],
)
def test_a_look_up_by_constants_or_in_a_view_asks_for_no_index(using: str) -> None:
    assert judged(policy_subquery_column_not_indexed, using=using) == []


@pytest.mark.parametrize(
    ("relations", "has_rls", "count"),
    [
        ((2,), True, 1),
        ((2,), False, 0),
        ((1,), True, 0),
        ((9,), True, 0),
        ((), True, 0),
    ],
)
def test_a_policy_that_reads_a_guarded_table_is_found(
    *, relations: tuple[int, ...], has_rls: bool, count: int
) -> None:
    row = make(PolicyReferenceRow, policy=7, relid=1, relations=relations)
    tables = catalog(items(), assignments(has_rls=has_rls), using=SET)
    seen = view(current(PolicyReferenceRow, row, datname="app"), catalogs=[tables])

    found = run(policy_reads_rls_table, seen)

    assert [f.severity for f in found] == [Severity.INFO] * count


def functions(**changes: object) -> tuple[Part, Part]:
    values: dict[str, object] = {
        "oid": 100,
        "schemaname": "app",
        "name": "may_see",
        "language": "plpgsql",
        "is_inlinable": False,
    }
    row = make(PolicyFunctionRow, **(values | changes))
    reference = make(PolicyReferenceRow, policy=7, relid=1, functions=(100,))
    return (
        current(PolicyFunctionRow, row, datname="app"),
        current(PolicyReferenceRow, reference, datname="app"),
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "language plpgsql"),
        ({"is_definer": True, "language": "sql"}, "SECURITY DEFINER"),
        ({"language": "sql", "settings": ("work_mem=1",)}, "it sets work_mem"),
        ({"language": "sql", "settings": ("search_path=",)}, "it sets search_path"),
        ({"language": "sql", "returns_set": True}, "it returns a set"),
    ],
)
def test_a_call_per_row_that_cannot_be_inlined_is_found(
    changes: dict[str, object], reason: str
) -> None:
    found = judged(
        policy_function_not_inlinable, *functions(**changes), using="app.may_see(id)"
    )

    assert [f.severity for f in found] == [Severity.INFO]
    assert f"app.may_see ({reason}) for each row" in found[0].summary


def test_settings_that_prevent_inlining_are_named_whatever_the_arguments() -> None:
    changed = functions(is_definer=True, settings=("plan_cache_mode=auto",))

    found = judged(policy_function_not_inlinable, *changed, using="app.may_see()")

    assert "app.may_see (it sets plan_cache_mode) for each row" in found[0].summary


@pytest.mark.parametrize(
    ("using", "changes"),
    [
        ("app.may_see(id)", {"language": "sql", "is_inlinable": True}),
        ("app.may_see(1)", {"settings": ("search_path=app",)}),
        ("( SELECT app.may_see() AS m)", {"settings": ("plan_cache_mode=auto",)}),
        ("( SELECT app.may_see(1) AS may_see)", {}),
        ("other.may_see(id)", {}),
        (None, {}),
    ],
)
def test_a_call_that_is_inlined_or_made_once_is_not_found(
    using: str | None, changes: dict[str, object]
) -> None:
    found = judged(policy_function_not_inlinable, *functions(**changes), using=using)

    assert found == []


@pytest.mark.parametrize(
    ("using", "count"), [("a = any (", 1), ("(a = 1)", 0), ("", 0), (None, 0)]
)
def test_an_expression_that_the_parser_refuses_is_said_to_be_unread(
    using: str | None, count: int
) -> None:
    found = judged(policy_not_analysed, using=using)

    assert [f.severity for f in found] == [Severity.INFO] * count


@pytest.mark.parametrize(
    "lint",
    [
        policy_captured_column,
        policy_column_not_indexed,
        policy_correlated_subquery,
        policy_function_not_inlinable,
        policy_not_analysed,
        policy_reads_rls_table,
        policy_subquery_column_not_indexed,
    ],
)
def test_policies_that_are_not_in_force_are_not_judged(lint: ModuleType) -> None:
    tables = catalog(items(has_rls=False), using=CAPTURED, check=CORRELATED)

    assert run(lint, view(*functions(), catalogs=[tables])) == []
