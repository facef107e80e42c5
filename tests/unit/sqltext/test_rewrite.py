"""Wrapping calls in policies' expressions as pg_get_expr prints them."""

from __future__ import annotations

import pytest

from monitor.sqltext import policy
from monitor.sqltext.rewrite import wrapped, wrapped_by_type


def is_user_s(schema: str, _name: str) -> bool:
    return bool(schema)


def array_of_teams(_schema: str, _name: str) -> str:
    return 'app."Te am"[]'


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(user_id = auth.uid())", "user_id = (SELECT auth.uid())"),
        (
            "((auth.uid() = user_id) OR public.is_admin())",
            "(SELECT auth.uid()) = user_id OR (SELECT public.is_admin())",
        ),
        (
            "((( SELECT auth.uid() AS uid) = a) OR (auth.uid() = b))",
            "(SELECT auth.uid() AS uid) = a OR (SELECT auth.uid()) = b",
        ),
        (
            "((auth.jwt() ->> 'role'::text) = 'a'::text)",
            "((SELECT auth.jwt()) ->> 'role'::text) = 'a'::text",
        ),
        ("app.may(id, auth.uid())", "app.may(id, (SELECT auth.uid()))"),
        ("(lower(app.name()) = n)", "lower((SELECT app.name())) = n"),
        ("(app.f(auth.uid()) = n)", "(SELECT app.f(auth.uid())) = n"),
        (
            "(id IN ( SELECT m.id FROM app.m WHERE (m.u = auth.uid())))",
            "id IN (SELECT m.id FROM app.m WHERE m.u = (SELECT auth.uid()))",
        ),
    ],
)
def test_wraps_calls_that_need_no_row(expression: str, expected: str) -> None:
    assert wrapped(expression, is_user_s) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "(user_id = ( SELECT auth.uid() AS uid))",
        "(user_id = 1)",
        "app.may(id)",
        "(created < now())",
        "(id IN ( SELECT app.teams() AS teams))",
        "(id IN ( SELECT t.id FROM app.teams() t(id)))",
        "(1 = ( SELECT app.total(DISTINCT 1) AS total FROM app.m))",
        "(1 = ( SELECT app.rank() OVER () AS rank FROM app.m))",
    ],
)
def test_leaves_an_expression_alone_that_has_none(expression: str) -> None:
    assert wrapped(expression, is_user_s) is None


@pytest.mark.parametrize(
    "expression",
    ["(team = ANY (app.teams()))", "((a = auth.uid()) OR (b <> ALL (app.teams())))"],
)
def test_does_not_turn_an_array_into_a_set_of_rows(expression: str) -> None:
    assert wrapped(expression, is_user_s) is None


def test_an_array_of_a_known_type_is_marked_as_one_value() -> None:
    expression = "((team = ANY (app.teams())) AND app.is_on())"

    new = wrapped_by_type(expression, is_user_s, array_of_teams)

    assert new == (
        'team = ANY((SELECT app.teams())::app."Te am"[]) AND (SELECT app.is_on())'
    )


def test_what_is_compared_with_a_set_is_wrapped_outside_of_it() -> None:
    expression = "(auth.uid() IN ( SELECT app.users() AS users))"

    new = wrapped(expression, is_user_s)

    assert new == "(SELECT auth.uid()) IN (SELECT app.users() AS users)"
    assert [c.is_wrapped for c in policy.calls(expression)] == [False, True]


def test_wraps_what_stands_beside_an_array() -> None:
    expression = "(auth.uid() = ANY (members))"

    assert wrapped(expression, is_user_s) == "(SELECT auth.uid()) = ANY(members)"


@pytest.mark.parametrize(
    "expression", ["(((", "auth.uid()); select (2", "auth.uid()), (2"]
)
def test_leaves_alone_what_is_not_one_expression(expression: str) -> None:
    assert wrapped(expression, is_user_s) is None


def test_what_it_returns_has_no_bare_call_left() -> None:
    rewritten = wrapped("((auth.uid() = a) AND app.is_admin())", is_user_s)

    assert rewritten is not None
    assert all(call.is_wrapped for call in policy.calls(rewritten))
