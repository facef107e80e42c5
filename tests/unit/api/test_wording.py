"""How figures and foreign text are written on a page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from monitor.api import wording
from monitor.model.finding import Evidence

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.promise(13)
@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_nothing_invisible_is_left_and_nothing_is_lost(text: str) -> None:
    shown = wording.visible(text)

    hidden = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert not [c for c in shown if c not in "\n\t" and category(c) in hidden]
    assert len(shown) >= len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("a\u202eb", r"a\u202eb"),
        ("a\ufeffb", r"a\ufeffb"),
        ("a\x1b[31m", r"a\x1b[31m"),
        ("a\x00", r"a\x00"),
        ("a\udcff", r"a\udcff"),
        ("Grüße 日本", "Grüße 日本"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, expected: str) -> None:
    assert wording.visible(text) == expected


def test_markup_of_our_own_is_left_alone() -> None:
    assert wording.finalize(Markup("<b>\u202e</b>")) == Markup("<b>\u202e</b>")
    assert wording.finalize(None) == ""
    assert wording.finalize(3) == "3"


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (Evidence("e", 432013312, "bytes"), "412 MB"),
        (Evidence("e", 252.0, "seconds"), "4 min 12 s"),
        (Evidence("e", 0, "seconds"), "0 s"),
        (Evidence("e", 0.31, "ratio"), "31 %"),
        (Evidence("e", 0.031, "ratio"), "3.1 %"),
        (Evidence("e", 1500, "ms"), "1.5 s"),
        (Evidence("e", 12345, "tuples"), "12,345 tuples"),
        (Evidence("e", 3), "3"),
        (Evidence("e", "never", "seconds"), "never"),
    ],
)
def test_evidence_reads_with_its_unit(evidence: Evidence, expected: str) -> None:
    assert wording.figure(evidence) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "\N{EN DASH}"),
        (0.0, "0 %"),
        (0.0001, "<0.1 %"),
        (0.005, "0.5 %"),
        (0.1, "10 %"),
        (1.0, "100 %"),
    ],
)
def test_shares_read_as_percent(value: float | None, expected: str) -> None:
    assert wording.percent(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "\N{EN DASH}"),
        (0, "0 s"),
        (0.000035, "35 \N{MICRO SIGN}s"),
        (0.0047, "4.7 ms"),
        (timedelta(minutes=5), "5 min"),
    ],
)
def test_spans_read_in_their_largest_units(
    value: timedelta | float | None, expected: str
) -> None:
    assert wording.span(value) == expected


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (None, "never"),
        (NOW, "now"),
        (NOW + timedelta(seconds=5), "now"),
        (NOW - timedelta(minutes=3), "3 min ago"),
    ],
)
def test_ages_are_told_from_now(since: datetime | None, expected: str) -> None:
    assert wording.age(since, NOW) == expected


def test_unknown_sizes_and_counts_are_a_dash() -> None:
    assert wording.bytes_of(None) == wording.count(None) == wording.clock(None)
    assert wording.clock(NOW) == "2026-03-01 12:00:00 UTC"
