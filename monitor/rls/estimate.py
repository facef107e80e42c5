"""The continuous estimate: rows examined x probed cost of a row x share under policies.

Between two probes nobody measures policies. What is measured all the time is how
many rows scans of a table return, and which part of its statements policies bind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.model.rls import UnitCost
from monitor.rls.loads import Loads

FRESH_INTERVALS = 2
"""A figure is as good as new for so many intervals of probing."""

_SEVERAL_ROLES = 0.8
# Both samples are counted on both sides, the small one with a tenth of the rows.
_EXECUTED = 2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What an estimate rests on; `reason` says which input is missing."""

    share: float | None = None
    row_cost: float | None = None
    quality: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What has been added up for one table since the daemon began to watch.

    `counter` is the server's when last read, under `epoch`. `own_rows` are those
    that our probes have examined and no reading has shown yet; `probed` is when
    each persona's figure was measured whose rows are accounted for.
    """

    epoch: str
    counter: int
    rows: int = 0
    seconds: float = 0.0
    own_rows: int = 0
    probed: frozenset[tuple[str, datetime]] = frozenset()
    inputs: Inputs = field(default_factory=Inputs)


def inputs_of(
    loads: Loads | None,
    analysed: float,
    costs: Iterable[UnitCost],
    *,
    now: datetime,
    interval: timedelta,
) -> Inputs:
    """Return what an estimate rests on.

    `loads` are the table's statements lately, of which the share `analysed` was
    understood; `costs` are what probes brought for the table.
    """
    if loads is None or loads.share is None:
        return Inputs(reason="no statement of the table was recorded lately")
    if not loads.by_role:
        # Nothing is added then, whatever a row costs.
        return Inputs(share=0.0, row_cost=0.0, quality=analysed)
    by_role: dict[str, list[UnitCost]] = {}
    for cost in costs:
        if cost.status == "ok" and cost.per_row is not None:
            by_role.setdefault(cost.table.role, []).append(cost)
    weights = {r: s for r in by_role if (s := loads.seconds_of(r)) > 0}
    total = sum(weights.values())
    if not total:
        return Inputs(share=loads.share, reason="no probe of a role that reads it")
    row_cost = sum(w * _mean(by_role[r]) for r, w in weights.items()) / total
    known = [cost for role in weights for cost in by_role[role]]
    quality = (
        min(_freshness(cost, now, interval) * _tightness(cost) for cost in known)
        * analysed
        * (total / loads.bound_seconds)
        * (1.0 if len(loads.by_role) == 1 else _SEVERAL_ROLES)
    )
    return Inputs(share=loads.share, row_cost=row_cost, quality=quality)


def advance(
    old: Tally,
    *,
    epoch: str,
    counter: int,
    inputs: Inputs,
    costs: Sequence[UnitCost] = (),
) -> Tally:
    """Return a tally with the rows since the last reading added.

    Nothing is added across a reset. Rows of our own samples are not counted.
    While nobody examines a row, what was known of the statements stands.
    """
    new = (cost for cost in costs if (cost.persona, cost.at) not in old.probed)
    own = old.own_rows + sum(map(_sampled, new))
    probed = frozenset((cost.persona, cost.at) for cost in costs)
    if epoch != old.epoch or counter < old.counter:
        return replace(
            old, epoch=epoch, counter=counter, own_rows=0, probed=probed, inputs=inputs
        )
    examined = counter - old.counter
    rows = max(0, examined - own)
    stands = not rows and inputs.share is None and old.inputs.share is not None
    return Tally(
        epoch=epoch,
        counter=counter,
        rows=old.rows + rows,
        seconds=old.seconds + rows * (inputs.row_cost or 0.0) * (inputs.share or 0.0),
        own_rows=max(0, own - examined),
        probed=probed,
        inputs=old.inputs if stands else inputs,
    )


def _mean(costs: Sequence[UnitCost]) -> float:
    return sum(max(0.0, cost.per_row or 0.0) for cost in costs) / len(costs)


def _freshness(cost: UnitCost, now: datetime, interval: timedelta) -> float:
    age = max(now - cost.at, interval)
    return min(1.0, FRESH_INTERVALS * interval / age)


def _tightness(cost: UnitCost) -> float:
    """Return 1 for a figure without spread, 1/2 where the spread is the figure."""
    if cost.low is None or cost.high is None or not cost.per_row or cost.per_row < 0:
        return 0.0
    return cost.per_row / (cost.per_row + (cost.high - cost.low))


def _sampled(cost: UnitCost) -> int:
    return round(cost.rows * (cost.pairs + cost.dropped_pairs) * _EXECUTED)
