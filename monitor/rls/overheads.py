"""What policies add to a table's statements, from the probed cost of a row."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from monitor.model.rls import BOUNDS, Guarded, Overheads, UnitCost
from monitor.rls.loads import StatementLoad
from monitor.rls.unit_cost import CHEAP

MOST_STATEMENTS = 5
"""A round counts as so many statements of a table: its costliest."""

MOST_RECENT = 100


def statement_overheads(
    cost: UnitCost, rows_examined: float, loads: Iterable[StatementLoad]
) -> Iterator[float]:
    """Yield what policies add to a call of each of a table's top statements.

    Seconds: what a statement pays once, and for each row that it examines. Rows
    are divided between statements by their time, since no view tells them apart.
    A row too cheap to be measured counts with the most that it can cost. Nothing
    where the cost of a row is not known.
    """
    per_row = _counted(cost)
    if per_row is None:
        return
    ranked = sorted(loads, key=lambda load: -load.seconds)
    together = sum(load.seconds for load in ranked)
    for load in ranked[:MOST_STATEMENTS]:
        if load.calls > 0 and together > 0:
            rows = rows_examined * load.seconds / together / load.calls
            yield (cost.fixed or 0.0) + per_row * rows


def _counted(cost: UnitCost) -> float | None:
    if cost.status == "ok":
        return cost.per_row
    is_cheap = cost.status == "unstable" and cost.high is not None
    return cost.high if is_cheap and (cost.high or 0.0) <= CHEAP else None


def with_overheads(
    before: Overheads | None, table: Guarded, seconds: Sequence[float]
) -> Overheads:
    """Return a histogram with these added; a negative overhead counts as 0."""
    known = before or recalled(table, ())
    counts, added = list(known.counts), [max(0.0, value) for value in seconds]
    for value in added:
        counts[bisect_left(BOUNDS, value)] += 1
    return Overheads(
        table=table,
        counts=tuple(counts),
        total_seconds=known.total_seconds + sum(added),
        recent=(*known.recent, *added)[-MOST_RECENT:],
    )


def recalled(table: Guarded, recent: Sequence[float]) -> Overheads:
    """Return an empty histogram; percentiles go on with what was measured before."""
    counts = (0,) * (len(BOUNDS) + 1)
    return Overheads(table=table, counts=counts, total_seconds=0.0, recent=(*recent,))
