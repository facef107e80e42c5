"""Policies written into statements."""

from __future__ import annotations

import pytest

from monitor.sqltext.inline import fenced, inlined

GUARDS = {
    ("app", "t"): "(u = 1)",
    ("app", "T 2"): '("T 2".x = 2)',
    ("app", "m"): "(EXISTS ( SELECT 1 FROM app.t WHERE (t.id = m.id)))",
    ("app", "own"): "(EXISTS ( SELECT 1 FROM app.own own_1))",
    ("app", "broken"): "",
}


def guard(schema: str, name: str) -> str | None:
    return GUARDS.get((schema, name))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "select count(*) from app.t",
            "SELECT count(*) FROM (SELECT * FROM app.t WHERE u = 1) t",
        ),
        (
            "select q.i from only app.t as q (i) tablesample system (5)",
            (
                "SELECT q.i FROM (SELECT * FROM ONLY app.t TABLESAMPLE system(5) "
                "WHERE u = 1) q(i)"
            ),
        ),
        (
            'select 1 from a.x where exists (select from app."T 2" where id = x.id)',
            (
                'SELECT 1 FROM a.x WHERE EXISTS (SELECT FROM (SELECT * FROM app."T 2" '
                'WHERE "T 2".x = 2) "T 2" WHERE id = x.id)'
            ),
        ),
        (
            "with t as (select 1) select * from t",
            "WITH t AS (SELECT 1) SELECT * FROM t",
        ),
        (
            "select 1 from app.m",
            (
                "SELECT 1 FROM (SELECT * FROM app.m WHERE EXISTS (SELECT 1 FROM ("
                "SELECT * FROM app.t WHERE u = 1) t WHERE t.id = m.id) IS TRUE) m"
            ),
        ),
    ],
)
def test_a_guarded_table_is_replaced_by_its_rows(statement: str, expected: str) -> None:
    assert inlined(statement, guard) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "select 1 from app.own",
        "select 1 from app.broken",
        "delete from app.t",
        "select 1; select 2",
        "select (",
    ],
)
def test_nothing_is_made_of_what_cannot_be_imitated(statement: str) -> None:
    assert inlined(statement, guard) is None


def test_a_fence_stands_around_each_sub_select_that_could_be_a_join() -> None:
    condition = "(a IN ( SELECT 1)) OR ((NOT (EXISTS ( SELECT 1))) AND (b = 1))"

    assert fenced(condition) == (
        "a IN (SELECT 1) IS TRUE OR (NOT EXISTS (SELECT 1) IS TRUE AND b = 1)"
    )
