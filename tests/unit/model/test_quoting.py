from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.quoting import qualified, quote_ident, quote_literal
from monitor.sqltext.tree import names, parse, parse_expression

identifiers = st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1
).filter(lambda name: len(name.encode()) <= 63)
"""What PostgreSQL can store: no NUL, valid UTF-8, at most 63 bytes."""


@given(identifiers)
def test_survives_any_identifier(name: str) -> None:
    tree = parse(f"select 1 from {quote_ident(name)}")

    assert tree is not None
    from_clause = tree.stmts[0].stmt.select_stmt.from_clause
    assert from_clause[0].range_var.relname == name


@given(identifiers, identifiers)
def test_a_qualified_name_keeps_both_parts(schema: str, name: str) -> None:
    tree = parse(f"select 1 from {qualified(schema, name)}")

    assert tree is not None
    relation = tree.stmts[0].stmt.select_stmt.from_clause[0].range_var
    assert (relation.schemaname, relation.relname) == (schema, name)


@pytest.mark.parametrize("name", ["orders", "_a1", "abort", "name"])
def test_leaves_plain_names_alone(name: str) -> None:
    assert quote_ident(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Orders", '"Orders"'),
        ("user", '"user"'),
        ("between", '"between"'),
        ("1st", '"1st"'),
        ("a b", '"a b"'),
        ('a"b', '"a""b"'),
        ("orders\n", '"orders\n"'),
        ("größe", '"größe"'),
        ("", '""'),
    ],
)
def test_quotes_all_others(name: str, expected: str) -> None:
    assert quote_ident(name) == expected


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_a_literal_keeps_any_text(text: str) -> None:
    node = parse_expression(quote_literal(text))

    assert node is not None
    assert node.a_const.sval.sval == text


def test_a_literal_with_a_backslash_does_not_depend_on_settings() -> None:
    assert quote_literal("a\\'b") == "E'a\\\\''b'"


def test_names_are_read_back_by_the_parser() -> None:
    node = parse_expression(f"{qualified('Weird', 'select')}()")

    assert node is not None
    assert names(node.func_call.funcname) == ("Weird", "select")
