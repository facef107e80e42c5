"""Sub-selects per row turned into sets, as pg_get_expr prints them."""

from __future__ import annotations

import pytest

from monitor.sqltext.membership import as_arrays, as_sets

SWAPPED = "team_id IN (SELECT m.team_id FROM public.m WHERE m.user_id = {user})"


def is_steady(_schema: str, name: str) -> bool:
    return name != "roll"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (
            "(EXISTS ( SELECT 1 FROM public.p WHERE (p.id = c.post_id)))",
            "post_id IN (SELECT p.id FROM public.p)",
        ),
        (
            (
                "(EXISTS ( SELECT 1 FROM public.p WHERE ((p.id = c.post_id) AND (p.u = "
                "( SELECT auth.uid() AS uid)))))"
            ),
            (
                "post_id IN (SELECT p.id FROM public.p WHERE p.u = "
                "(SELECT auth.uid() AS uid))"
            ),
        ),
        (
            (
                "((c.x > 1) OR (EXISTS ( SELECT 1 FROM p WHERE ((c.post_id = p.id) "
                "AND p.is_open AND (p.a = p.b)))))"
            ),
            (
                "c.x > 1 OR post_id IN (SELECT p.id FROM p WHERE p.is_open AND "
                "p.a = p.b)"
            ),
        ),
        (
            "(EXISTS ( SELECT 1 FROM app.f() f(id) WHERE (f.id = c.post_id)))",
            "post_id IN (SELECT f.id FROM app.f() f(id))",
        ),
        (
            "(EXISTS ( SELECT 1 FROM ( SELECT p.id FROM p) q WHERE (q.id = c.a)))",
            "a IN (SELECT q.id FROM (SELECT p.id FROM p) q)",
        ),
        (
            "(EXISTS ( SELECT 1 FROM (p JOIN q USING (id)) j WHERE (j.id = c.a)))",
            "a IN (SELECT j.id FROM (p JOIN q USING (id) ) j)",
        ),
        (
            (
                "(auth.uid() IN ( SELECT m.user_id FROM public.m WHERE "
                "(m.team_id = t.team_id)))"
            ),
            SWAPPED.format(user="auth.uid()"),
        ),
        (
            (
                "(( SELECT auth.uid() AS uid) = ANY ( SELECT m.user_id FROM public.m "
                "WHERE (m.team_id = t.team_id)))"
            ),
            SWAPPED.format(user="(SELECT auth.uid() AS uid)"),
        ),
        (
            "(EXISTS ( SELECT 1 FROM p WHERE ((p.name)::text = (c.name)::text)))",
            "name::text IN (SELECT p.name::text FROM p)",
        ),
        (
            (
                '(EXISTS ( SELECT 1 FROM "A b"."p""q" WHERE ("p""q".id = '
                '"c.d"."post id")))'
            ),
            'IN (SELECT "p""q".id FROM "A b"."p""q")',
        ),
    ],
)
def test_a_sub_select_tied_by_one_equality_becomes_a_set(
    expression: str, expected: str
) -> None:
    assert (as_sets(expression, is_steady) or "").endswith(expected)


@pytest.mark.parametrize(
    "expression",
    [
        # FALSE and NULL would change places.
        "(NOT (EXISTS ( SELECT 1 FROM public.p WHERE (p.id = c.post_id))))",
        "((EXISTS ( SELECT 1 FROM public.p WHERE (p.id = c.post_id))) IS NULL)",
        # More than one thing ties it to the row, or none does.
        "(EXISTS ( SELECT 1 FROM public.p WHERE ((p.id = c.post_id) AND (p.v > c.v))))",
        "(EXISTS ( SELECT 1 FROM public.p WHERE ((p.id = c.a) AND (p.id = c.b))))",
        "(EXISTS ( SELECT 1 FROM public.p WHERE (p.id < c.post_id)))",
        "(EXISTS ( SELECT 1 FROM public.p WHERE ((p.id + 1) = c.post_id)))",
        "(EXISTS ( SELECT 1 FROM public.p WHERE (p.id OPERATOR(app.=) c.post_id)))",
        "(EXISTS ( SELECT 1 FROM public.p WHERE ((p.id = c.a) OR p.is_open)))",
        "(EXISTS ( SELECT 1 FROM public.p WHERE (p.id = p.parent)))",
        "(EXISTS ( SELECT 1 FROM public.p))",
        # The rows of the sub-select are not those of its FROM and WHERE.
        "(EXISTS ( SELECT 1 FROM public.p WHERE (p.id = c.post_id) LIMIT 0))",
        "(EXISTS ( SELECT 1 FROM public.p WHERE (p.id = c.a) GROUP BY p.x))",
        "(EXISTS ( SELECT app.many() AS m FROM public.p WHERE (p.id = c.post_id)))",
        "(auth.uid() IN ( SELECT max(p.u) AS m FROM p WHERE (p.id = c.post_id)))",
        # Evaluated another number of times it might say something else.
        "(EXISTS ( SELECT 1 FROM p WHERE ((p.id = c.post_id) AND (p.v = app.roll()))))",
        # The left side is another row's business.
        "(c.u IN ( SELECT m.user_id FROM public.m WHERE (m.team_id = c.team_id)))",
        "(c.team_id IN ( SELECT m.team_id FROM public.m))",
        "(auth.uid() = t.user_id)",
        "(EXISTS ( SELECT 1))",
        "((auth.uid(), 1) IN ( SELECT m.u, m.v FROM m WHERE (m.id = t.id)))",
        "(((",
    ],
)
def test_leaves_alone_what_might_mean_something_else(expression: str) -> None:
    assert as_sets(expression, is_steady) is None


def test_a_set_becomes_an_array_for_a_wanted_column() -> None:
    expression = "((a IN ( SELECT m.a FROM m)) AND (b IN ( SELECT m.b FROM m)))"

    written = as_arrays(expression, lambda column: column == "b")

    assert written == ("a IN (SELECT m.a FROM m) AND b = ANY(ARRAY(SELECT m.b FROM m))")


@pytest.mark.parametrize(
    "expression",
    [
        "(NOT (a IN ( SELECT m.a FROM m)))",
        "(a = ALL ( SELECT m.a FROM m))",
        "(a IN ( SELECT m.a FROM m WHERE (m.b = t.b)))",
        "((a + 1) IN ( SELECT m.a FROM m))",
        "(a = 1)",
        "(((",
    ],
)
def test_makes_no_array_of_anything_else(expression: str) -> None:
    assert as_arrays(expression, lambda _: True) is None
