"""Merging needs into few indexes loses none of them."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.advisor.candidates import Need, merged, narrowed, serves


def need(*columns: str, relid: int = 1, reason: str = "", weight: float = 1.0) -> Need:
    return Need(
        relid=relid,
        columns=frozenset(columns),
        reason=reason or "+".join(sorted(columns)),
        weight=weight,
    )


def test_a_wider_need_continues_a_narrower_one() -> None:
    (candidate,) = merged([need("c", "b", "a"), need("b")])

    assert candidate.columns == ("b", "a", "c")


def test_needs_of_the_same_columns_share_a_candidate() -> None:
    (candidate,) = merged([need("a", reason="x"), need("a", reason="y", weight=2)])

    assert [each.reason for each in candidate.needs] == ["y", "x"]


def test_different_columns_and_tables_stay_apart() -> None:
    found = merged([need("a"), need("b"), need("a", relid=2)])

    assert [(c.relid, c.columns) for c in found] == [
        (1, ("a",)),
        (1, ("b",)),
        (2, ("a",)),
    ]


def test_the_weightiest_candidate_comes_first() -> None:
    found = merged([need("a"), need("b", weight=9)])

    assert [c.columns for c in found] == [("b",), ("a",)]


def test_the_most_wanted_columns_are_kept() -> None:
    wide = need("a", "b", "c", "d")

    first, *_ = narrowed([wide, need("d"), need("c")], max_columns=2)

    assert first.columns == {"c", "d"}


_NEEDS = st.lists(
    st.builds(
        Need,
        relid=st.integers(1, 2),
        columns=st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=4),
        reason=st.sampled_from(["statement 1", "policy p"]),
    )
)


@given(_NEEDS, st.integers(1, 4))
def test_merging_loses_no_need(needs: list[Need], max_columns: int) -> None:
    kept = narrowed(needs, max_columns)

    candidates = merged(kept)

    for each in kept:
        assert any(
            each in candidate.needs
            and candidate.relid == each.relid
            and serves(candidate.columns, each)
            for candidate in candidates
        )


@given(_NEEDS)
def test_candidates_are_distinct_and_name_no_column_twice(needs: list[Need]) -> None:
    candidates = merged(needs)

    keys = [(each.relid, each.columns) for each in candidates]
    assert len(keys) == len(set(keys))
    assert all(len(each.columns) == len(set(each.columns)) for each in candidates)


@given(_NEEDS)
def test_the_order_of_needs_does_not_matter(needs: list[Need]) -> None:
    assert merged(needs) == merged(reversed(needs))
