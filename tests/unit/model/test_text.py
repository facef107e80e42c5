"""Text from outside is safe to show, and otherwise what it was."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.text import LIMIT, clean_line, clean_text

ANY_TEXT = st.text(st.characters(codec=None))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("orders", "orders"),
        ("select 1\n\tfrom t", "select 1\n\tfrom t"),
        ("a\x00b\x1b[31mc\x7f\x9b", r"a\x00b\x1b[31mc\x7f\x9b"),
        ("carriage\r\nreturn\r", "carriage\nreturn\\x0d"),
        ("\u202efdp.exe\u202c \u2066x", r"\u202efdp.exe\u202c \u2066x"),
        ("half \ud800 pair", r"half \ud800 pair"),
        ("größe 表 🙂 \u0301", "größe 表 🙂 \u0301"),
        (b"plain", "plain"),
        (b"gr\xc3\xb6\xc3\x9fe", "größe"),
        (b"latin \xf6", "latin \\xf6"),
    ],
)
def test_only_what_harms_its_reader_is_made_visible(
    value: str | bytes, expected: str
) -> None:
    assert clean_text(value) == expected


def test_long_text_is_cut_and_shows_it() -> None:
    cut = clean_text("x" * 1_000_000)

    assert len(cut) == LIMIT
    assert cut.endswith("x…")


def test_text_at_the_limit_is_whole() -> None:
    assert clean_text("x" * 10, limit=10) == "x" * 10


def test_what_is_made_visible_stays_within_the_limit() -> None:
    assert len(clean_text("\x01" * 100, limit=100)) == 100


@pytest.mark.promise(15)
def test_names_that_differ_do_not_look_the_same() -> None:
    names = ["victim_idx", "victim_idx\u202e", "victim_idx\x01", "victim\u2028_idx"]

    assert len({clean_text(name) for name in names}) == len(names)


def test_a_message_becomes_one_line() -> None:
    assert clean_line("connection failed:\n\tserver\r\n  closed ") == (
        "connection failed: server closed"
    )


@given(ANY_TEXT | st.binary())
def test_clean_text_holds_no_control_and_can_be_encoded(value: str | bytes) -> None:
    cleaned = clean_text(value)

    cleaned.encode()
    controls = {c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs")}
    assert controls <= {"\t", "\n"}


@given(ANY_TEXT | st.binary())
def test_cleaning_twice_is_cleaning_once(value: str | bytes) -> None:
    once = clean_text(value)

    assert clean_text(once) == once


@given(st.text(st.characters(categories=("L", "N", "P", "S"))))
def test_letters_numbers_and_signs_are_never_touched(value: str) -> None:
    assert clean_text(value) == value
