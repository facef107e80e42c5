from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model import script
from monitor.model.script import ConcurrentIndex


def test_checksum_ignores_line_ends_and_trailing_blanks() -> None:
    unix = "select 1;\nselect 2;\n"
    windows = "\ufeffselect 1;  \r\nselect 2;\r\n\r\n"

    assert script.checksum(unix) == script.checksum(windows)


def test_checksum_notices_a_changed_comment() -> None:
    assert script.checksum("-- a\nselect 1") != script.checksum("-- b\nselect 1")


@pytest.mark.parametrize(
    "quoted",
    [
        "'a;b'",
        "'it''s;'",
        r"e'a\';b'",
        '"a;b"',
        "$$a;b$$",
        "$body$ $$;$$ ; $body$",
        "/* a;/* b; */ c; */ 1",
        "-- a;\n 1",
    ],
)
def test_semicolons_in_quotes_and_comments_end_no_statement(quoted: str) -> None:
    text = f"select {quoted};\nselect 2"

    assert (f"select {quoted}", "select 2") == script.statements(text)


def test_a_backslash_is_plain_text_in_an_ordinary_string() -> None:
    assert script.statements(r"select '\'; select 2;") == (r"select '\'", "select 2")


def test_a_dollar_within_a_name_opens_no_quote() -> None:
    assert script.statements("select a$b$c; select d$b$") == (
        "select a$b$c",
        "select d$b$",
    )


def test_comments_alone_are_no_statement() -> None:
    assert script.statements("-- x\n; select 1; /* y */ ;") == ("select 1",)


@given(st.text(alphabet="ab;'\"$-/*e\\\n ", max_size=40))
def test_no_text_is_lost_whatever_the_script(text: str) -> None:
    code = "".join(script.statements(text + "\n"))

    assert set(code) <= set(text + "\n")


@pytest.mark.parametrize(
    "text",
    ["begin; select 1; commit;", "select 1; -- x\n COMMIT", "start  transaction;"],
)
def test_a_script_that_controls_its_transaction_is_noticed(text: str) -> None:
    assert script.controls_transaction(text)


def test_a_function_body_with_begin_controls_no_transaction() -> None:
    assert not script.controls_transaction(
        "create function f() returns void language plpgsql as $$begin end$$;"
    )


def test_cascade_is_found_in_code_only() -> None:
    assert script.has_cascade("drop table a CASCADE")
    assert not script.has_cascade("-- no cascade\ncomment on table a is 'cascade'")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "create index concurrently if not exists I_a on public.A (b)",
            ConcurrentIndex("public", "i_a"),
        ),
        (
            '-- why\ncreate unique index concurrently "I ""x" on "S".t using btree(b)',
            ConcurrentIndex("S", 'I "x'),
        ),
        ("create index i on public.a (b)", None),
        ("reindex index concurrently public.i", None),
    ],
)
def test_the_index_of_a_concurrent_build_is_read_from_its_statement(
    statement: str, expected: ConcurrentIndex | None
) -> None:
    assert expected == script.concurrent_index(statement)
