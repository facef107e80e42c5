"""Which index serves an equality on columns."""

from typing import Any

import pytest

from monitor.model.catalog import Index
from monitor.model.coverage import leading_index, serving_index
from tests.unit.factories import make_index


def on(*columns: str, **changes: Any) -> Index:
    return make_index(columns=columns, key_columns=len(columns), **changes)


@pytest.mark.parametrize(
    "index",
    [
        on("a", "b"),
        on("b", "a", "c"),
    ],
)
def test_leading_keys_in_any_order_serve(index: Index) -> None:
    assert serving_index([index], ("a", "b")) is index


@pytest.mark.parametrize(
    "index",
    [
        on("a"),
        on("a", "c", "b"),
        on("a", "b", method="hash"),
        on("a", "b", method="gin"),
        on("a", "b", is_valid=False),
        on("a", "b", is_ready=False),
        on("a", "b", predicate="(a IS NOT NULL)"),
        make_index(columns=("a", "b"), key_columns=1),
    ],
)
def test_other_indexes_do_not(index: Index) -> None:
    assert serving_index([index], ("a", "b")) is None


@pytest.mark.parametrize(
    ("predicate", "serves"),
    [
        ("(a IS NOT NULL)", True),
        ('("a" IS NOT NULL)', True),
        ("(b IS NOT NULL)", False),
        ("(a > 0)", False),
    ],
)
def test_a_partial_index_serves_if_it_only_omits_nulls(
    predicate: str,
    serves: bool,  # noqa: FBT001 - a case
) -> None:
    index = on("a", predicate=predicate)

    assert (serving_index([index], ("a",)) is index) is serves


def test_a_hash_index_serves_one_column() -> None:
    index = on("a", method="hash")

    assert serving_index([index], ("a",)) is index


def test_the_first_key_leads() -> None:
    index = on("a", "b")

    assert leading_index([index], {"a", "x"}) is index
    assert leading_index([index], {"b"}) is None
    assert leading_index([on("a", predicate="(b = 1)")], {"a"}) is None
