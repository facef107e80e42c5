"""Which indexes a policy's expression lacks."""

from __future__ import annotations

import pytest

from monitor.sqltext.searches import lacking


@pytest.mark.parametrize(
    ("expression", "led", "columns"),
    [
        ("(a = f())", "", ("a",)),
        ("(a = f())", "a", ()),
        ("(f() = a)", "", ("a",)),
        ("(a > f())", "", ("a",)),
        ("(a = ANY (ARRAY( SELECT m.a FROM m)))", "", ("a",)),
        ("((a = f()) AND (b = f()))", "", ("a",)),
        ("((a = f()) AND (b = f()))", "b", ()),
        ("((a = f()) OR (b = f()))", "", ("a", "b")),
        ("((a = f()) OR (b = f()))", "b", ("a",)),
        ("((a = f()) OR ((b = f()) AND g()))", "", ("a", "b")),
        ("((a = f()) OR (a = g()))", "", ("a",)),
        ("((a = 1) AND (b = f()))", "", ("b",)),
        ("((a = f()) OR (b = 1))", "b", ("a",)),
    ],
)
def test_what_lacks_an_index_is_named(
    expression: str, led: str, columns: tuple[str, ...]
) -> None:
    assert lacking(expression, led.split().__contains__) == columns


@pytest.mark.parametrize(
    "expression",
    [
        "(a = 1)",
        "(a = b)",
        "(a = (b + 1))",
        "(a = ( SELECT m.a FROM m WHERE (m.b = docs.b)))",
        "(a IN ( SELECT m.a FROM m))",
        "((a = f()) OR g())",
        "((a = f()) OR (b = 1))",
        "(NOT (a = f()))",
        "((a)::text = f())",
        "(a <> f())",
        "g()",
        "true",
        "(a = ",
    ],
)
def test_no_index_is_named_where_none_would_help(expression: str) -> None:
    assert lacking(expression, frozenset[str]().__contains__) == ()
