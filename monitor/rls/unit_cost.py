"""What a policy costs per row, from interleaved timings with and without it.

Other processes can only lengthen an execution, so the least of several is nearest
to the truth, and a pair that took much longer than that was disturbed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

LEAST_PAIRS = 3
# A pair in which either side took this much longer than at its best was disturbed.
_DISTURBED = 1.5
# Seconds below which executions differ by chance, whatever they do.
_JITTER = 20e-6
# Seconds a row below which a figure has to be told from zero to be published.
_CHEAP = 0.1e-6
# A spread of more than this share of the figure, to either side, makes it unstable.
_WIDEST = 0.5


@dataclass(frozen=True, slots=True)
class Pair:
    """The same rows counted under policies and without, right after one another.

    Seconds, for a small and for a large sample.
    """

    role_small: float
    bypass_small: float
    role_large: float
    bypass_large: float

    @property
    def role(self) -> float:
        """Return what both samples took under policies."""
        return self.role_small + self.role_large

    @property
    def bypass(self) -> float:
        """Return what both samples took without policies."""
        return self.bypass_small + self.bypass_large

    @property
    def growth(self) -> float:
        """Return what the rows in between added to the policies' time."""
        small = self.role_small - self.bypass_small
        return self.role_large - self.bypass_large - small


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCost:
    """Seconds per row, with the spread over the pairs that counted.

    `fixed` is what a statement pays once, whatever its rows. All are None where
    no pair counted.
    """

    status: Literal["ok", "unstable"]
    reason: str = ""
    per_row: float | None = None
    low: float | None = None
    high: float | None = None
    fixed: float | None = None
    pairs: int = 0
    dropped_pairs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A statement's seconds on both sides, with the spread of their difference."""

    status: Literal["ok", "unstable"]
    reason: str = ""
    role: float | None = None
    bypass: float | None = None
    low: float | None = None
    high: float | None = None
    pairs: int = 0


def difference(times: Sequence[tuple[float, float]]) -> Difference:
    """Return what policies add to a statement, from its times with and without.

    Unlike the same sample of a table, both sides may have different plans: only the
    difference within each pair is compared, and it may be negative.
    """
    pairs = [Pair(0.0, 0.0, role, bypass) for role, bypass in times]
    kept = undisturbed(pairs)
    if len(kept) < LEAST_PAIRS:
        return Difference(
            status="unstable",
            reason=f"{len(pairs) - len(kept)} of {len(pairs)} pairs were disturbed",
            pairs=len(kept),
        )
    role = min(pair.role for pair in kept)
    bypass = min(pair.bypass for pair in kept)
    single = [pair.role - pair.bypass for pair in kept]
    return Difference(
        status="ok",
        role=role,
        bypass=bypass,
        low=min(role - bypass, *single) - _JITTER,
        high=max(role - bypass, *single) + _JITTER,
        pairs=len(kept),
    )


def row_cost(pairs: Sequence[Pair], small_rows: int, large_rows: int) -> RowCost:
    """Return what a row costs: the difference that the rows in between made.

    `small_rows` and `large_rows` are counted on the side without policies.
    """
    between = large_rows - small_rows
    kept = undisturbed(pairs)
    dropped = len(pairs) - len(kept)
    if between <= 0 or len(kept) < LEAST_PAIRS:
        reason = (
            "the samples do not differ in rows"
            if between <= 0
            else f"{dropped} of {len(pairs)} pairs were disturbed"
        )
        return RowCost(
            status="unstable", reason=reason, pairs=len(kept), dropped_pairs=dropped
        )
    small = min(p.role_small for p in kept) - min(p.bypass_small for p in kept)
    large = min(p.role_large for p in kept) - min(p.bypass_large for p in kept)
    per_row = (large - small) / between
    single = [pair.growth / between for pair in kept]
    jitter = _JITTER / between
    low = min(per_row, *single) - jitter
    high = max(per_row, *single) + jitter
    reason = _doubt(per_row, low, high)
    return RowCost(
        status="unstable" if reason else "ok",
        reason=reason,
        per_row=per_row,
        low=low,
        high=high,
        fixed=max(0.0, small - per_row * small_rows),
        pairs=len(kept),
        dropped_pairs=dropped,
    )


def undisturbed(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs in which neither side took much longer than at its best."""
    if not pairs:
        return []
    role = _bound(min(pair.role for pair in pairs))
    bypass = _bound(min(pair.bypass for pair in pairs))
    return [pair for pair in pairs if pair.role <= role and pair.bypass <= bypass]


def _bound(best: float) -> float:
    """Return what an undisturbed execution takes at most; short ones vary more."""
    return max(best * _DISTURBED, best + 5 * _JITTER)


def _doubt(per_row: float, low: float, high: float) -> str:
    """Return why a figure is not to be published; empty if it may."""
    if low <= 0.0 and per_row < _CHEAP:
        return "too cheap to be told from nothing"
    if max(per_row - low, high - per_row) > _WIDEST * abs(per_row):
        return "the pairs differ too much"
    return ""
