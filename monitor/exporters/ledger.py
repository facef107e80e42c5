"""Which rows get series of their own, and an exact account of all the others.

Ranking totals since the last reset would hide today's regression, and a plain
top list lets series come and go with every reading. So rows are ranked by what
they did lately, the chosen ones stay until clearly overtaken, and each counter
is a sum of our own increases: a series starts at 0 when its row is chosen, and
the increases of all rows without a series go to `other`. Series and `other`
together grow by exactly what all rows grew.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from heapq import nlargest
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
Amount = int | float
Amounts = tuple[Amount | None, ...]
"""One value per counter; None is unknown (NULL)."""

OVERTAKING = 1.5
"""How many times a member's score a challenger needs to take its place."""

HALF_LIFE_SECONDS = 600.0
_HEAVIEST = 2.0**64


def choose(
    members: Iterable[K], scores: Mapping[K, float], places: int
) -> tuple[K, ...]:
    """Return who has a place now, the strongest members first, then newcomers.

    A member without a score is gone. Free places go to the strongest outsiders;
    a taken one only to an outsider whose score is clearly larger.
    """
    present = [member for member in members if member in scores]
    staying = sorted(present, key=scores.__getitem__, reverse=True)[:places]
    seated = frozenset(staying)
    outsiders = nlargest(
        places, (key for key in scores if key not in seated), key=scores.__getitem__
    )
    free = places - len(staying)
    newcomers = outsiders[:free]
    for challenger in outsiders[free:]:
        if not staying or scores[challenger] <= OVERTAKING * scores[staying[-1]]:
            break
        staying.pop()
        newcomers.append(challenger)
    return (*staying, *newcomers)


class Ledger(Generic[K]):
    """Counts increases for the members and, per group, for everybody else.

    A group is a database, or empty for what holds for the whole server.
    """

    def __init__(self, counters: int, *, rank: int, places: int) -> None:
        """Start with `counters` counters, of which number `rank` ranks the rows."""
        self.places = places
        self._rank = rank
        self._sums: dict[K, tuple[Amount, ...]] = {}
        self._others: dict[str, list[Amount | None]] = {}
        self._counters = counters
        self._scores: dict[K, float] = {}
        self._weight = 1.0

    @property
    def members(self) -> Mapping[K, tuple[Amount, ...]]:
        """Return the sums of the rows that have a place."""
        return self._sums

    @property
    def others(self) -> Mapping[str, Sequence[Amount | None]]:
        """Return the sums of the rest by group; None where nothing was ever known."""
        return self._others

    def absorb(self, group: str, increases: Iterable[tuple[K, Amounts]]) -> None:
        """Add what rows of a group did; each increase must come exactly once."""
        rest: list[Amounts] = []
        for key, amounts in increases:
            score = (amounts[self._rank] or 0) * self._weight
            self._scores[key] = self._scores.get(key, 0.0) + score
            sums = self._sums.get(key)
            if sums is None:
                rest.append(amounts)
            else:
                self._sums[key] = tuple(
                    a + (b or 0) for a, b in zip(sums, amounts, strict=True)
                )
        self._add_to_other(group, rest)

    def _add_to_other(self, group: str, rest: Sequence[Amounts]) -> None:
        other = self._others.setdefault(group, [None] * self._counters)
        for place, column in enumerate(zip(*rest, strict=True)):
            known = [amount for amount in column if amount is not None]
            if known:
                other[place] = (other[place] or 0) + sum(known)

    def forget(self, group: str) -> None:
        """Forget the rest of a group that is gone."""
        self._others.pop(group, None)

    def age(self, seconds: float) -> None:
        """Let time pass: what happened before weighs half after each half-life."""
        # Raising the weight of the future equals decaying every past score.
        self._weight *= 2.0 ** (seconds / HALF_LIFE_SECONDS)
        if self._weight > _HEAVIEST:
            self._scores = {k: s / self._weight for k, s in self._scores.items()}
            self._weight = 1.0

    def settle(self, present: Collection[K]) -> None:
        """Give the places to the busiest of the rows that exist now.

        Rows nobody has seen move yet take the places that are left, in order.
        """
        scores = {key: s for key, s in self._scores.items() if key in present}
        chosen = dict.fromkeys(choose(self._sums, scores, self.places))
        self._fill(chosen, present)
        zero = (0,) * self._counters
        self._sums = {key: self._sums.get(key, zero) for key in chosen}
        self._scores = scores

    def _fill(self, chosen: dict[K, None], present: Collection[K]) -> None:
        for candidates in (self._sums, present):
            for key in candidates:
                if len(chosen) >= self.places:
                    return
                if key in present:
                    chosen.setdefault(key)
