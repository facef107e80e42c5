"""What sub-selects of policies read, compare and depend on."""

from __future__ import annotations

import pytest

from monitor.sqltext.subselects import Equation, sub_selects


def equations(expression: str) -> set[tuple[str, str, str]]:
    return {
        (each.relname, each.column, each.other)
        for select in sub_selects(expression)
        for each in select.equations
    }


def test_a_sub_select_tells_its_tables_and_equations() -> None:
    (found,) = sub_selects(
        "(EXISTS ( SELECT 1 FROM app.members m WHERE ((m.team = docs.team) AND "
        "(m.usr = ( SELECT auth.uid() AS uid)) AND (m.active = true))))"
    )

    assert (found.text, found.outer) == ("app.members", ("team",))
    assert found.depends_on_row
    assert found.equations == (
        Equation(
            schema="app", relname="members", column="team", other="", is_constant=False
        ),
        Equation(
            schema="app", relname="members", column="usr", other="", is_constant=False
        ),
        Equation(
            schema="app", relname="members", column="active", other="", is_constant=True
        ),
    )


@pytest.mark.parametrize(
    ("expression", "depends"),
    [
        ("(a IN ( SELECT m.a FROM public.m))", True),
        ("(auth.uid() IN ( SELECT m.a FROM public.m))", False),
        ("(1 = ( SELECT max(m.a) AS max FROM public.m WHERE (m.b = docs.b)))", True),
        ("(EXISTS ( SELECT m.a FROM public.m UNION SELECT n.a FROM public.n))", False),
        (
            (
                "(EXISTS ( SELECT m.a FROM public.m UNION SELECT n.a FROM public.n"
                " WHERE (n.b = docs.b)))"
            ),
            True,
        ),
        (
            (
                "(EXISTS ( SELECT 1 FROM (public.m JOIN public.n USING (team))"
                " WHERE (team = 1)))"
            ),
            False,
        ),
        (
            "(EXISTS ( SELECT 1 FROM ( SELECT m.a FROM public.m) x WHERE (x.a = 1)))",
            False,
        ),
        ("(EXISTS ( SELECT 1 FROM app.teams() t(id) WHERE (t.id = 1)))", False),
        (
            (
                "(EXISTS ( SELECT 1 FROM XMLTABLE('/a' PASSING x() COLUMNS a int) t"
                " WHERE (t.a = 1)))"
            ),
            False,
        ),
        (
            (
                "(EXISTS ( SELECT 1 FROM JSON_TABLE(x(), '$' COLUMNS (a int)) t"
                " WHERE (t.a = 1)))"
            ),
            False,
        ),
        (
            (
                "(EXISTS ( SELECT 1 FROM public.m TABLESAMPLE system (1)"
                " WHERE (m.a = 1)))"
            ),
            False,
        ),
        (
            (
                "(EXISTS ( WITH x AS ( SELECT m.a FROM public.m) SELECT 1 FROM x"
                " WHERE (x.a = docs.a)))"
            ),
            True,
        ),
    ],
)
def test_whether_the_result_depends_on_the_row_is_told(
    *, expression: str, depends: bool
) -> None:
    assert any(select.depends_on_row for select in sub_selects(expression)) is depends


def test_conditions_of_joins_count_however_they_are_nested() -> None:
    found = equations(
        "(EXISTS ( SELECT 1 FROM ((public.a JOIN public.b ON ((a.x = b.x)))"
        " JOIN public.c ON ((c.y = b.y))) WHERE (a.z = ANY (ARRAY[1, 2]))))"
    )

    assert found == {
        ("a", "x", ""),
        ("b", "x", ""),
        ("c", "y", ""),
        ("b", "y", ""),
        ("a", "z", ""),
    }


@pytest.mark.parametrize(
    "condition",
    [
        "((m.a = 1) OR (m.b = 2))",
        "(NOT (m.a = 1))",
        "(m.a > docs.a)",
        "(lower(m.a) = docs.a)",
        "(docs.a = docs.b)",
        "(x.a = 1)",
    ],
)
def test_what_need_not_hold_or_is_no_bare_column_of_a_table_is_left_out(
    condition: str,
) -> None:
    expression = (
        f"(EXISTS ( SELECT 1 FROM public.m, LATERAL app.f() x WHERE {condition}))"
    )

    assert equations(expression) == set()


def test_a_column_in_front_of_another_sub_select_counts() -> None:
    found = equations(
        "(EXISTS ( SELECT 1 FROM public.m WHERE (m.a IN ( SELECT n.a FROM public.n))))"
    )

    assert found == {("m", "a", "")}


def test_a_function_alone_has_no_table() -> None:
    (found,) = sub_selects("(a IN ( SELECT t.id FROM app.teams() t(id)))")

    assert (found.text, found.equations) == ("a function", ())


def test_nothing_is_said_of_what_was_not_analysed() -> None:
    assert sub_selects("exists (select") == ()
