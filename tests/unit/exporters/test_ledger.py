from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.exporters.ledger import OVERTAKING, Ledger, choose

KEYS = st.sampled_from("abcdefgh")
AMOUNT = st.integers(0, 2**62)
INCREASES = st.dictionaries(KEYS, st.tuples(AMOUNT, AMOUNT))
CYCLES = st.lists(st.tuples(INCREASES, st.sets(KEYS)), max_size=12)


def _total(ledger: Ledger[str], counter: int) -> int:
    """Return series plus other."""
    series = sum(sums[counter] for sums in ledger.members.values())
    other = sum(sums[counter] or 0 for sums in ledger.others.values())
    return int(series + other)


@given(CYCLES, st.integers(0, 4))
def test_series_and_other_grow_by_exactly_the_total(
    cycles: list[tuple[dict[str, tuple[int, int]], set[str]]], places: int
) -> None:
    ledger: Ledger[str] = Ledger(2, rank=0, places=places)
    for increases, gone in cycles:
        before = [_total(ledger, counter) for counter in (0, 1)]

        ledger.absorb("", increases.items())

        grown = [_total(ledger, c) - before[c] for c in (0, 1)]
        assert [sum(i[c] for i in increases.values()) for c in (0, 1)] == grown
        ledger.age(15)
        ledger.settle(set("abcdefgh") - gone)


@given(CYCLES, st.integers(1, 4))
def test_no_counter_falls_while_its_row_keeps_its_place(
    cycles: list[tuple[dict[str, tuple[int, int]], set[str]]], places: int
) -> None:
    ledger: Ledger[str] = Ledger(2, rank=0, places=places)
    for increases, gone in cycles:
        before = dict(ledger.members)
        other = list(ledger.others.get("", (0, 0)))

        ledger.absorb("", increases.items())
        ledger.settle(set("abcdefgh") - gone)

        for key, sums in ledger.members.items():
            assert sums >= before.get(key, (0, 0))
        after = ledger.others.get("", (0, 0))
        assert all((n or 0) >= (o or 0) for n, o in zip(after, other, strict=True))


@given(CYCLES, st.integers(0, 4))
def test_there_are_never_more_members_than_places(
    cycles: list[tuple[dict[str, tuple[int, int]], set[str]]], places: int
) -> None:
    ledger: Ledger[str] = Ledger(2, rank=0, places=places)
    for increases, gone in cycles:
        present = set("abcdefgh") - gone
        ledger.absorb("", increases.items())
        ledger.settle(present)

        assert min(places, len(present)) == len(ledger.members)
        assert set(ledger.members) <= present


@given(
    st.dictionaries(KEYS, st.floats(0, 1e9)),
    st.lists(KEYS, unique=True),
    st.integers(0, 5),
)
def test_nobody_without_a_place_is_clearly_stronger_than_who_has_one(
    scores: dict[str, float], members: list[str], places: int
) -> None:
    chosen = choose(members, scores, places)

    outside = scores.keys() - set(chosen)
    assert min(places, len(scores)) == len(set(chosen)) == len(chosen)
    if chosen and outside:
        weakest = min(scores[key] for key in chosen)
        assert max(scores[key] for key in outside) <= OVERTAKING * weakest


@given(st.dictionaries(KEYS, st.floats(0, 1e9)), st.integers(0, 5))
def test_choosing_twice_changes_nothing(scores: dict[str, float], places: int) -> None:
    once = choose((), scores, places)

    assert once == choose(once, scores, places)


def _absorb(ledger: Ledger[str], increases: Iterable[tuple[str, int]]) -> None:
    ledger.absorb("", ((key, (amount,)) for key, amount in increases))
    ledger.settle("abc")


def test_a_promoted_series_starts_at_zero_and_leaves_its_past_in_other() -> None:
    ledger: Ledger[str] = Ledger(1, rank=0, places=1)

    _absorb(ledger, [("a", 10), ("b", 4)])

    assert ledger.members == {"a": (0,)}
    assert ledger.others[""] == [14]


def test_a_slightly_busier_row_does_not_take_a_place() -> None:
    ledger: Ledger[str] = Ledger(1, rank=0, places=1)
    _absorb(ledger, [("a", 10), ("b", 4)])

    _absorb(ledger, [("b", 7)])

    assert {"a"} == set(ledger.members)


def test_a_clearly_busier_row_takes_a_place_and_the_evicted_one_goes_to_other() -> None:
    ledger: Ledger[str] = Ledger(1, rank=0, places=1)
    _absorb(ledger, [("a", 10), ("b", 4)])

    _absorb(ledger, [("b", 20)])
    _absorb(ledger, [("a", 3), ("b", 5)])

    assert ledger.members == {"b": (5,)}
    assert ledger.others[""] == [37]


def test_what_was_busy_long_ago_gives_way() -> None:
    ledger: Ledger[str] = Ledger(1, rank=0, places=1)
    _absorb(ledger, [("a", 1000)])

    for _ in range(8):
        ledger.age(600)
    _absorb(ledger, [("b", 7)])

    assert {"b"} == set(ledger.members)


def test_a_long_life_does_not_overflow_the_scores() -> None:
    ledger: Ledger[str] = Ledger(1, rank=0, places=1)

    for _ in range(3):
        ledger.age(600 * 1000)
        _absorb(ledger, [("a", 2**62)])

    assert {"a"} == set(ledger.members)


def test_other_is_kept_by_database() -> None:
    ledger: Ledger[str] = Ledger(1, rank=0, places=0)

    ledger.absorb("app", [("a", (1,)), ("b", (2,))])
    ledger.absorb("web", [("c", (4,))])

    assert dict(ledger.others) == {"app": [3], "web": [4]}


@pytest.mark.promise(10)
def test_a_database_that_is_gone_leaves_nothing_behind() -> None:
    ledger: Ledger[str] = Ledger(1, rank=0, places=0)
    ledger.absorb("app", [("a", (1,))])
    ledger.absorb("web", [("c", (4,))])

    ledger.forget("app")

    assert dict(ledger.others) == {"web": [4]}


@pytest.mark.parametrize(("known", "expected"), [(None, None), (0, 0), (3, 3)])
def test_other_is_unknown_until_some_row_knows(
    known: int | None, expected: int | None
) -> None:
    ledger: Ledger[str] = Ledger(2, rank=0, places=0)

    ledger.absorb("", [("a", (1, None)), ("b", (1, known))])

    assert [2, expected] == ledger.others[""]


def test_free_places_go_to_rows_that_never_moved() -> None:
    ledger: Ledger[str] = Ledger(1, rank=0, places=2)

    _absorb(ledger, [("c", 1)])

    assert list(ledger.members) == ["c", "a"]


def test_a_row_keeps_its_place_before_anything_moved() -> None:
    ledger: Ledger[str] = Ledger(1, rank=0, places=1)
    ledger.settle("bc")

    ledger.settle("abc")

    assert Counter("b") == Counter(ledger.members.keys())
