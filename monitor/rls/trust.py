"""When a prediction may be made, and when it may be believed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from monitor.rls.inventory import Inventory

TOLERANCE = 0.3
"""By how much an imitation's time may differ from the real one's."""
CLEARANCE = 3.0
"""How many times that difference a saving has to be."""
LEAST_SHARE = 0.1
"""Which share of the present time has to be saved to be more than noise."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a plan does, without how much: node types, indexes, and what is below."""

    node: str
    index: str
    below: tuple[Shape, ...]


def shape(plan: Mapping[str, Any]) -> Shape:
    """Return the shape of a plan, as EXPLAIN (FORMAT JSON) prints it.

    A Subquery Scan that only hands rows on is left out; the order of a node's
    children does not count.
    """
    children: Collection[Mapping[str, Any]] = plan.get("Plans", ())
    if plan["Node Type"] == "Subquery Scan" and len(children) == 1:
        return shape(next(iter(children)))
    below = sorted((shape(child) for child in children), key=repr)
    return Shape(plan["Node Type"], plan.get("Index Name", ""), tuple(below))


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of a statement as it is, imitated as it is, and rewritten."""

    now: float
    as_now: float
    rewritten: float

    @property
    def saved(self) -> float:
        """Return what the rewrite saves."""
        return self.now - self.rewritten


def least(rounds: Sequence[Times]) -> Times:
    """Return the least time of each, which other work on the machine spoils least."""
    return Times(
        now=min(each.now for each in rounds),
        as_now=min(each.as_now for each in rounds),
        rewritten=min(each.rewritten for each in rounds),
    )


def distrust(real: Shape, imitated: Shape, rounds: Sequence[Times]) -> str:
    """Return why a prediction is not published, empty if it may be.

    The shapes are those of the real plan and of its imitation.
    """
    best = least(rounds)
    error = abs(best.as_now - best.now)
    if real != imitated:
        return "the imitation of the present policies has another plan"
    if error > TOLERANCE * best.now:
        return (
            "the imitation of the present policies took "
            f"{best.as_now * 1000:.3g} ms, the policies {best.now * 1000:.3g} ms"
        )
    if best.saved < max(LEAST_SHARE * best.now, CLEARANCE * error):
        return "what it would save is not more than the error of the measurement"
    # Other work makes both times longer, and so what is saved: more is no objection.
    usual = median(each.saved for each in rounds)
    if usual < (1 - TOLERANCE) * best.saved:
        return "the rounds do not agree on what it would save"
    return ""


def gainers(
    inventory: Inventory, relids: Collection[int], reach: Collection[str]
) -> tuple[str, ...]:
    """Return the roles whose policies or functions could use another's rights.

    To judge an expression without its policy, it is evaluated by a login that can
    become the roles of `reach`, and so are the functions it calls. That is harmless
    where whoever wrote them is a superuser or has the rights of all these already.
    """
    return tuple(
        sorted(
            owner
            for owner in frozenset(_authors(inventory, relids))
            if not _has_all(inventory, owner, reach)
        )
    )


def _authors(inventory: Inventory, relids: Collection[int]) -> Iterator[str]:
    for relid in relids:
        relation = inventory.catalog.relations.get(relid)
        yield relation.owner if relation else ""
    # Which of them a body calls is not known: all that any policy calls count.
    for function in inventory.functions.values():
        yield function.owner


def _has_all(inventory: Inventory, owner: str, reach: Collection[str]) -> bool:
    known = inventory.roles.get(owner)
    if known is None:
        return False
    return known.is_superuser or frozenset(reach) <= frozenset(known.privileges_of)
