import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.exporters.prometheus import TargetExporter
from monitor.exporters.text import (
    LONGEST_LABEL,
    escaped,
    label_name,
    metric_name,
    number,
)
from tests.unit.exporters import example

ANY_TEXT = st.text(st.characters(), max_size=80)
"""Any code points, lone surrogates and controls included."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('a "b" \\ c\nd', r"a \"b\" \\ c\nd"),
        ("bell\x07 nul\x00 esc\x1b[31m", "bell\ufffd nul\ufffd esc\ufffd[31m"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("right \u202e left", "right \ufffd left"),
        ("zero\u200bwidth\ufeff", "zero\ufffdwidth\ufffd"),
        ("line\u2028separator\r", "line\ufffdseparator\ufffd"),
        ("x" * 63, "x" * 63),
        ("Zürich 東京", "Zürich 東京"),
        (None, ""),
        (True, "true"),
        (17, "17"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (["a", None, 1], "a,,1"),
    ],
)
def test_a_label_value_is_harmless(value: object, expected: str) -> None:
    assert expected == escaped(value)


def test_a_megabyte_of_text_is_cut() -> None:
    result = escaped("x" * 1_000_000)

    assert len(result) == LONGEST_LABEL
    assert result.endswith("…")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (True, "1"),
        (False, "0"),
        (2**53 + 1, "9007199254740993"),
        (2**63, "9.223372036854776e+18"),
        (10**400, "+Inf"),
        (-(10**400), "-Inf"),
        (1.5, "1.5"),
        (1e-7, "1e-07"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
        (Decimal("0.10"), "0.1"),
        (Decimal("1E+400"), "+Inf"),
        (Decimal("-1E+400"), "-Inf"),
        (Decimal("NaN"), "NaN"),
        (Decimal("sNaN"), "NaN"),
        (datetime(2024, 1, 1, tzinfo=UTC), "1704067200.0"),
        (timedelta(milliseconds=1500), "1.5"),
        (None, None),
        ("text", None),
    ],
)
def test_a_number_is_written_so_that_go_reads_it(
    value: object, expected: str | None
) -> None:
    assert expected == number(value)


@given(st.floats() | st.integers(-(2**63), 2**63 - 1))
def test_a_number_reads_back_as_itself(value: float) -> None:
    result = float(number(value) or "")

    assert result == float(value) or (math.isnan(result) and math.isnan(value))


@given(ANY_TEXT)
def test_names_are_legal_whatever_a_query_calls_its_columns(raw: str) -> None:
    assert metric_name(raw).isidentifier() or ":" in metric_name(raw)
    assert metric_name(raw).isascii()
    assert label_name(raw).isidentifier()
    assert not label_name(raw).startswith("__")


@pytest.mark.promise(13)
@given(st.lists(ANY_TEXT, max_size=5, unique=True))
def test_any_text_survives_both_formats_alike(texts: list[str]) -> None:
    sheet = example.gauge("custom", dict.fromkeys(texts, 1))

    page = TargetExporter(example.target()).render([sheet])

    assert example.samples(page) == example.openmetrics_samples(page)
    assert len(example.samples(page)) == page.series
    assert len(example.text(page).splitlines()) == page.series + 2 * bool(texts)
