"""Duplicate and redundant indexes: what replaces what."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.advisor import duplicate_index, redundant_index
from monitor.advisor.redundant_index import replaces
from monitor.model.catalog import Index
from monitor.model.finding import Finding
from monitor.model.rows.relation_size import SizeRow
from monitor.model.window import UsageWindow
from tests.unit.factories import (
    current,
    make,
    make_catalog,
    make_index,
    make_table,
    view,
)


def duplicates(
    *indexes: Index, windows: Iterable[tuple[int, int]] = ()
) -> list[Finding]:
    seen = view(
        catalogs=[make_catalog(make_table(), indexes=indexes)],
        windows={("app", oid): make(UsageWindow, scans=n) for oid, n in windows},
    )
    return list(duplicate_index.check(seen, duplicate_index.Thresholds()))


def redundant(*indexes: Index, size: int = 1 << 20) -> list[str]:
    rows = [make(SizeRow, oid=each.oid, size_bytes=size) for each in indexes]
    seen = view(
        current(SizeRow, *rows, datname="app"),
        catalogs=[make_catalog(make_table(), indexes=indexes)],
    )
    found = redundant_index.check(seen, redundant_index.Thresholds())
    return [each.object.name for each in found]


def index(oid: int, name: str, *columns: str, **changes: object) -> Index:
    wide = len(columns)
    given: dict[str, object] = {
        "columns": columns,
        "key_columns": wide,
        "opclasses": ("int4_ops",) * wide,
        "collations": ("",) * wide,
        "options": (0,) * wide,
    }
    return make_index(oid=oid, indexrelname=name, **(given | changes))


def test_the_younger_of_two_equal_indexes_is_superfluous() -> None:
    (finding,) = duplicates(index(2, "old", "a"), index(3, "young", "a"))

    assert finding.object.name == "young"
    assert finding.confidence == "high"


def test_the_less_used_of_two_equal_indexes_is_superfluous() -> None:
    (finding,) = duplicates(
        index(2, "old", "a"), index(3, "young", "a"), windows=[(3, 5)]
    )

    assert finding.object.name == "old"


def test_the_index_that_enforces_more_is_kept() -> None:
    (finding,) = duplicates(
        index(2, "plain", "a"), index(3, "unique", "a", is_unique=True)
    )

    assert finding.object.name == "plain"


def test_a_plain_unique_index_beside_a_constraint_says_what_it_cannot_see() -> None:
    (finding,) = duplicates(
        index(2, "plain", "a", is_unique=True),
        index(3, "key", "a", is_unique=True, constraint="key"),
    )

    assert finding.object.name == "plain"
    assert finding.confidence == "medium"


@pytest.mark.promise(3)
@pytest.mark.parametrize(
    "twins",
    [
        (index(2, "x", "a"), index(3, "y", "b")),
        (index(2, "x", "a"), index(3, "y", "a", options=(3,))),
        (index(2, "x", "a"), index(3, "y", "a", opclasses=("text_pattern_ops",))),
        (index(2, "x", "a"), index(3, "y", "a", collations=("C",))),
        (index(2, "x", "a"), index(3, "y", "a", predicate="(a > 1)")),
        (index(2, "x", "a"), index(3, "y", "a", method="hash")),
        (index(2, "x", "a"), index(3, "y", "a", is_valid=False)),
        (index(2, "x", "a"), index(3, "y", "a", is_ready=False)),
        (
            index(2, "x", "a", constraint="x", is_unique=True),
            index(3, "y", "a", constraint="y", is_unique=True),
        ),
        (
            index(2, "x", "a", is_unique=True),
            index(3, "y", "a", is_unique=True, nulls_not_distinct=True),
        ),
    ],
)
def test_indexes_that_differ_or_are_protected_are_no_duplicates(
    twins: tuple[Index, Index],
) -> None:
    assert not duplicates(*twins)


def test_the_index_to_keep_by_comment_is_kept() -> None:
    (finding,) = duplicates(
        index(2, "x", "a"), index(3, "y", "a", comment="pgvigil:keep")
    )

    assert finding.object.name == "x"


def test_the_beginning_of_a_wider_index_is_redundant() -> None:
    assert redundant(index(2, "narrow", "a"), index(3, "wide", "a", "b")) == ["narrow"]


def test_included_columns_must_be_in_the_wider_index() -> None:
    narrow = index(2, "narrow", "a", "c", key_columns=1)
    with_it = index(3, "wide", "a", "b", "c")
    without = index(4, "other", "a", "b")

    assert redundant(narrow, with_it) == ["narrow"]
    assert redundant(narrow, without) == []


def test_the_same_keys_with_fewer_included_columns_are_redundant() -> None:
    narrow = index(2, "narrow", "a")
    wide = index(3, "wide", "a", "b", key_columns=1)

    assert redundant(narrow, wide) == ["narrow"]


@pytest.mark.promise(3)
@pytest.mark.parametrize(
    "wide",
    [
        index(3, "wide", "b", "a"),
        index(3, "wide", "a", "b", options=(3, 0)),
        index(3, "wide", "a", "b", opclasses=("x", "int4_ops")),
        index(3, "wide", "a", "b", collations=("C", "")),
        index(3, "wide", "a", "b", predicate="(a > 1)"),
        index(3, "wide", "a", "b", method="gin"),
        index(3, "wide", "a", "b", is_valid=False),
        index(3, "wide", "a"),
    ],
)
def test_an_index_that_cannot_do_the_same_does_not_replace(wide: Index) -> None:
    assert redundant(index(2, "narrow", "a"), wide) == []


@pytest.mark.promise(3)
@pytest.mark.parametrize(
    "narrow",
    [
        index(2, "narrow", "a", is_unique=True),
        index(2, "narrow", "a", is_replica_identity=True),
        index(2, "narrow", "a", has_expressions=True),
        index(2, "narrow", "a", comment="pgvigil:keep"),
    ],
)
def test_an_index_that_does_more_than_search_is_not_redundant(narrow: Index) -> None:
    assert redundant(narrow, index(3, "wide", "a", "b")) == []


def test_small_indexes_are_left_alone() -> None:
    assert redundant(index(2, "n", "a"), index(3, "w", "a", "b"), size=8192) == []


_COLUMNS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)


@given(_COLUMNS, _COLUMNS, st.integers(1, 3), st.integers(1, 3))
def test_no_two_indexes_replace_each_other(
    first: list[str], second: list[str], first_keys: int, second_keys: int
) -> None:
    one = index(2, "one", *first, key_columns=min(first_keys, len(first)))
    two = index(3, "two", *second, key_columns=min(second_keys, len(second)))

    assert not (replaces(one, two) and replaces(two, one))
