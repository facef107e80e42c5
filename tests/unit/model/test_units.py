from __future__ import annotations

import pytest

from monitor.model.units import duration, number, plural, size


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 kB"),
        (1536, "1.5 kB"),
        (10 * 1024 * 1024, "10 MB"),
        (3 * 1024**6, "3072 PB"),
    ],
)
def test_sizes(value: int, expected: str) -> None:
    assert size(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0123, "12 ms"),
        (0.0012, "1.2 ms"),
        (1.25, "1.2 s"),
        (59, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (3661, "1 h 1 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(12345, "12,345"), (2.0, "2"), (1234.56, "1,234.6")]
)
def test_numbers(value: float, expected: str) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0 tables"), (1, "1 table"), (2000, "2,000 tables")]
)
def test_plurals(count: int, expected: str) -> None:
    assert plural(count, "table") == expected


def test_irregular_plurals() -> None:
    assert plural(2, "index", "indexes") == "2 indexes"
