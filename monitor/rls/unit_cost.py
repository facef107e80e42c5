"""What a policy costs per row, from interleaved timings with and without it.

Other processes can only lengthen an execution, so the least of several is nearest
to the truth, and one that took much longer than that was disturbed. Executions of a
kind are compared by rank, the best with the best: on a busy server hardly any pair is
undisturbed in all its executions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.model.rls import UnitCost

LEAST_PAIRS = 3
# An execution that took this much longer than the best of its kind was disturbed.
_DISTURBED = 1.5
# Seconds below which executions differ by chance, whatever they do.
_JITTER = 20e-6
# Seconds a row below which a figure has to be told from zero to be published.
CHEAP = 0.1e-6
# What even the best executions may be off by on a busy server, as a share.
_METHOD = 0.15
# A spread of more than these shares of the figure makes it unstable. Disturbances
# lengthen executions, so there is more of it above the figure.
_WIDEST_BELOW = 0.5
_WIDEST_ABOVE = 1.0


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
    def small(self) -> float:
        """Return what policies added to the small sample."""
        return self.role_small - self.bypass_small

    @property
    def growth(self) -> float:
        """Return what the rows in between added to the policies' time."""
        return self.role_large - self.bypass_large - self.small


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCost:
    """Seconds per row, with the spread over the pairs that counted.

    `fixed` is what a statement pays once, whatever its rows; `scan` what reading a
    row takes without policies. All are None where no pair counted.
    """

    status: Literal["ok", "unstable"]
    reason: str = ""
    per_row: float | None = None
    low: float | None = None
    high: float | None = None
    fixed: float | None = None
    scan: float | None = None
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
    kept = _ranked([role for role, _ in times], [bypass for _, bypass in times])
    if len(kept) < LEAST_PAIRS:
        return Difference(
            status="unstable",
            reason=_disturbed(len(times) - len(kept), len(times)),
            pairs=len(kept),
        )
    role, bypass = kept[0]
    single = [under - without for under, without in kept]
    return Difference(
        status="ok",
        role=role,
        bypass=bypass,
        low=min(single) - _JITTER,
        high=max(single) + _JITTER,
        pairs=len(kept),
    )


def row_cost(pairs: Sequence[Pair], small_rows: int, large_rows: int) -> RowCost:
    """Return what a row costs: the difference that the rows in between made.

    `small_rows` and `large_rows` are counted on the side without policies.
    """
    between = large_rows - small_rows
    kept = _kept(pairs)
    dropped = len(pairs) - len(kept)
    if between <= 0 or len(kept) < LEAST_PAIRS:
        reason = "the samples do not differ in rows"
        if between > 0:
            reason = _disturbed(dropped, len(pairs))
        return RowCost(
            status="unstable", reason=reason, pairs=len(kept), dropped_pairs=dropped
        )
    single = [pair.growth / between for pair in kept]
    per_row = single[0]
    doubt = _JITTER / between + _METHOD * abs(per_row)
    low, high = min(single) - doubt, max(single) + doubt
    reason = _unfit(per_row, low, high)
    return RowCost(
        status="unstable" if reason else "ok",
        reason=reason,
        per_row=per_row,
        low=low,
        high=high,
        fixed=max(0.0, kept[0].small - per_row * small_rows),
        scan=kept[0].bypass_large / large_rows,
        pairs=len(kept),
        dropped_pairs=dropped,
    )


def quietest(costs: Sequence[UnitCost]) -> UnitCost | None:
    """Return the round of several that others disturbed least.

    A server that is busy throughout a round makes policies seem dearer: the least
    time of a row under policies tells. Only rounds that may be published count, and
    only those of what was probed last.
    """
    latest = max(costs, key=lambda cost: cost.at, default=None)
    if latest is None:
        return None
    subject = (latest.table, latest.persona, latest.policy_set)
    rivals = [
        (cost.per_row + cost.scan_per_row, number)
        for number, cost in enumerate(costs)
        if cost.status == "ok"
        and cost.per_row is not None
        and cost.scan_per_row is not None
        and (cost.table, cost.persona, cost.policy_set) == subject
    ]
    return costs[min(rivals)[1]] if rivals else None


def undisturbed(pairs: Sequence[Pair]) -> int:
    """Return how many undisturbed executions there are of each kind."""
    return len(_kept(pairs))


def _kept(pairs: Sequence[Pair]) -> list[Pair]:
    """Return pairs of the best executions, of the second best, and so on."""
    ranked = _ranked(
        [pair.role_small for pair in pairs],
        [pair.bypass_small for pair in pairs],
        [pair.role_large for pair in pairs],
        [pair.bypass_large for pair in pairs],
    )
    return [Pair(*times) for times in ranked]


def _ranked(*kinds: Sequence[float]) -> list[tuple[float, ...]]:
    """Return the executions of each kind side by side, without disturbed ones."""
    return list(zip(*[_good(times) for times in kinds], strict=False))


def _good(times: Sequence[float]) -> list[float]:
    """Return the undisturbed executions, the best first; short ones vary more."""
    best = min(times, default=0.0)
    bound = max(best * _DISTURBED, best + 5 * _JITTER)
    return sorted(seconds for seconds in times if seconds <= bound)


def _disturbed(dropped: int, pairs: int) -> str:
    return f"{dropped} of {pairs} pairs were disturbed"


def _unfit(per_row: float, low: float, high: float) -> str:
    """Return why a figure is not to be published; empty if it may."""
    if low <= 0.0 and per_row < CHEAP:
        return "too cheap to be told from nothing"
    size = abs(per_row)
    if per_row - low > _WIDEST_BELOW * size or high - per_row > _WIDEST_ABOVE * size:
        return "the pairs differ too much"
    return ""
