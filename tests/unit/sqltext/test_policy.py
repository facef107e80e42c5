"""What the policy parser sees in expressions as pg_get_expr prints them."""

import pytest

from monitor.sqltext import policy


def test_a_bare_call_is_not_wrapped() -> None:
    found = policy.calls("(user_id = auth.uid())")

    assert found == (
        policy.Call(
            schema="auth",
            name="uid",
            is_wrapped=False,
            arguments_are_constant=True,
            is_in_subquery=False,
        ),
    )


@pytest.mark.parametrize(
    "expression",
    [
        "(user_id = ( SELECT auth.uid() AS uid))",
        "(team_id = ANY (ARRAY( SELECT my_teams() AS my_teams)))",
        "(role = ( SELECT (auth.jwt() ->> 'role'::text)))",
        "(org = ( SELECT (current_setting('app.org'::text))::uuid AS current_setting))",
    ],
)
def test_a_call_in_a_scalar_sub_select_without_from_is_wrapped(expression: str) -> None:
    (found,) = policy.calls(expression)

    assert found.is_wrapped


def test_a_wrapped_call_does_not_hide_a_bare_one() -> None:
    found = policy.calls("((( SELECT auth.uid() AS uid) = a) OR (auth.uid() = b))")

    assert [call.is_wrapped for call in found] == [True, False]


def test_a_sub_select_that_depends_on_a_row_does_not_wrap() -> None:
    (found,) = policy.calls("( SELECT may_see(t.id) AS may_see FROM (SELECT 1) x)")

    assert (found.is_wrapped, found.arguments_are_constant) == (False, False)


def test_a_correlated_sub_select_without_from_does_not_wrap() -> None:
    (found,) = policy.calls("( SELECT may_see(docs.id) AS may_see)")

    assert not found.is_wrapped


def test_a_call_in_a_sub_select_with_from_says_so() -> None:
    (found,) = policy.calls(
        "(EXISTS ( SELECT 1 FROM members m WHERE (m.user_id = auth.uid())))"
    )

    assert (found.is_wrapped, found.is_in_subquery) == (False, True)


def test_arguments_that_are_columns_are_not_constant() -> None:
    (found,) = policy.calls("app.is_owner(id)")

    assert (found.schema, found.name) == ("app", "is_owner")
    assert not found.arguments_are_constant


def test_nested_calls_are_all_reported() -> None:
    found = policy.calls("(lower(current_setting('app.role'::text)) = 'admin'::text)")

    assert [call.name for call in found] == ["lower", "current_setting"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(user_id = auth.uid())", ("user_id",)),
        ("(auth.uid() = user_id)", ("user_id",)),
        ("((a = 1) OR ((b >= 2) AND (a = 3)))", ("a", "b")),
        ("(org_id IN ( SELECT m.org_id FROM m WHERE (m.u = auth.uid())))", ("org_id",)),
        ("(team_id = ANY (ARRAY( SELECT my_teams() AS t)))", ("team_id",)),
        ("(state = ANY (ARRAY['a'::text, 'b'::text]))", ("state",)),
        ("(docs.owner = CURRENT_USER)", ("owner",)),
    ],
)
def test_compared_columns(expression: str, expected: tuple[str, ...]) -> None:
    assert expected == policy.columns(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "is_public",
        "(lower(email) = 'x'::text)",
        "((id)::text = 'x'::text)",
        "(state <> 'deleted'::text)",
        "(NOT (state = 'deleted'::text))",
        "(EXISTS ( SELECT 1 FROM m WHERE ((m.a = docs.a) AND (m.b = 1))))",
        "(email ~~ 'a%'::text)",
        "(auth.uid() = ANY (members))",
    ],
)
def test_columns_that_an_index_on_them_would_not_serve_are_left_out(
    expression: str,
) -> None:
    assert policy.columns(expression) == ()


@pytest.mark.parametrize(
    "expression", ["", "a = (", "a = b)", "1); select (2", "a\x00b", "\udc80"]
)
def test_what_does_not_parse_gives_nothing_and_says_so(expression: str) -> None:
    assert not policy.is_analysed(expression)
    assert (policy.calls(expression), policy.columns(expression)) == ((), ())


def test_nesting_beyond_the_parsers_transport_is_not_analysed() -> None:
    deep = (
        "(" * 30 + "or (a = 1 and ".join([""] * 60).lstrip("or ") + "true" + ")" * 500
    )

    assert not policy.is_analysed(deep)


def test_a_function_in_from_is_called_once_where_no_row_matters() -> None:
    (found,) = policy.calls("(id IN ( SELECT t.id FROM app.teams() t(id)))")

    assert (found.is_wrapped, found.is_in_subquery) == (True, True)


@pytest.mark.parametrize(
    "expression",
    [
        "(EXISTS ( SELECT 1 FROM app.teams() t(id) WHERE (t.id = docs.team)))",
        "(id IN ( SELECT t.id FROM teams t WHERE (t.owner = auth.uid())))",
    ],
)
def test_a_function_is_called_per_row_where_the_row_or_a_tables_rows_matter(
    expression: str,
) -> None:
    (found,) = policy.calls(expression)

    assert not found.is_wrapped
