"""Index candidates: sets of columns, merged so that each index serves many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Columns of one table that something compares for equality at once.

    `reason` says what: a statement, a policy, a foreign key. `weight` orders needs,
    for instance by calls. `is_certain` is False for joins, which may be hashed.
    """

    relid: int
    columns: frozenset[str]
    reason: str
    weight: float = 1.0
    is_certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One index that would serve all its needs, the weightiest first."""

    relid: int
    columns: tuple[str, ...]
    needs: tuple[Need, ...]


def serves(columns: tuple[str, ...], need: Need) -> bool:
    """Say whether an index's first keys are all of a need's columns."""
    return frozenset(columns[: len(need.columns)]) == need.columns


def narrowed(needs: Iterable[Need], max_columns: int) -> tuple[Need, ...]:
    """Return needs with at most so many columns: those that most needs ask for.

    A fourth column seldom filters further, and every one makes the index larger.
    """
    kept = tuple(needs)
    demand: Counter[tuple[int, str]] = Counter()
    for need in kept:
        for column in need.columns:
            demand[need.relid, column] += 1

    def narrow(need: Need) -> Need:
        ranked = sorted(need.columns, key=lambda c: (-demand[need.relid, c], c))
        return Need(
            relid=need.relid,
            columns=frozenset(ranked[:max_columns]),
            reason=need.reason,
            weight=need.weight,
            is_certain=need.is_certain,
        )

    return tuple(map(narrow, kept))


def merged(needs: Iterable[Need]) -> tuple[Candidate, ...]:
    """Return few indexes that serve every need, the weightiest first.

    Sets of columns that contain each other share an index: equality does not care
    for the order of keys, so the smaller set comes first. No need is lost.
    """
    chains: list[list[frozenset[str]]] = []
    relids: list[int] = []
    by_columns: dict[tuple[int, frozenset[str]], list[Need]] = {}
    for need in needs:
        by_columns.setdefault((need.relid, need.columns), []).append(need)
    for relid, columns in sorted(by_columns, key=_smallest_first):
        found = _chain(chains, relids, relid, columns)
        if found is None:
            chains.append([columns])
            relids.append(relid)
        else:
            found.append(columns)
    candidates = (
        _candidate(relid, chain, by_columns)
        for relid, chain in zip(relids, chains, strict=True)
    )
    return tuple(sorted(candidates, key=_heaviest_first))


def _chain(
    chains: list[list[frozenset[str]]],
    relids: list[int],
    relid: int,
    columns: frozenset[str],
) -> list[frozenset[str]] | None:
    """Return the chain that these columns can extend, the longest of several."""
    fitting = [
        chain
        for owner, chain in zip(relids, chains, strict=True)
        if owner == relid and chain[-1] < columns
    ]
    return max(fitting, key=lambda chain: len(chain[-1]), default=None)


def _candidate(
    relid: int,
    chain: list[frozenset[str]],
    by_columns: dict[tuple[int, frozenset[str]], list[Need]],
) -> Candidate:
    columns: list[str] = []
    needs: list[Need] = []
    for link in chain:
        columns += sorted(link.difference(columns))
        needs += by_columns[relid, link]
    needs.sort(key=lambda need: (-need.weight, need.reason))
    return Candidate(relid=relid, columns=tuple(columns), needs=tuple(needs))


def _smallest_first(entry: tuple[int, frozenset[str]]) -> tuple[int, int, list[str]]:
    relid, columns = entry
    return relid, len(columns), sorted(columns)


def _heaviest_first(candidate: Candidate) -> tuple[float, int, tuple[str, ...]]:
    weight = sum(need.weight for need in candidate.needs)
    return -weight, candidate.relid, candidate.columns
