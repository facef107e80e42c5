"""What probes have brought for one target: kept, published, and voided in time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from monitor.model.rls import (
    Guarded,
    Probes,
    Saving,
    StatementCost,
    UnitCost,
)
from monitor.rls.overheads import recalled, with_overheads
from monitor.rls.rounds import Key, Survey
from monitor.rls.unit_cost import quietest
from monitor.runtime.allowance import Allowance, Spent
from monitor.runtime.answers import Answers

MOST_KEPT = 2_000
"""Of tables and personas, of statements and personas, and of rewrites each."""

MOST_HISTOGRAMS = 500
"""Of tables and roles."""

ROUNDS = 5
"""So many good rounds on a table are compared, and the quietest one is published."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedProbes:
    """What survives a restart; histograms and totals begin anew, as counters do.

    A statement's cost is kept with the policy set of its database, the latest
    overheads of a table with its own.
    """

    unit_costs: tuple[UnitCost, ...] = ()
    statement_costs: tuple[tuple[str, StatementCost], ...] = ()
    savings: tuple[Saving, ...] = ()
    overheads: tuple[tuple[str, Guarded, tuple[float, ...]], ...] = ()
    spent: tuple[Spent, ...] = ()


class ProbeBook:
    """One target's results, for the event loop only; what it gives out is frozen.

    A round that failed leaves the last good figure beside its failure.
    """

    def __init__(
        self, seconds_per_hour: float, saved: SavedProbes | None = None
    ) -> None:
        known = saved or SavedProbes()
        self.allowance = Allowance(seconds_per_hour, known.spent)
        self.answers = Answers()
        self._costs = {cost_key(cost): cost for cost in known.unit_costs}
        self._recent: dict[Key, tuple[UnitCost, ...]] = {
            key: (cost,) for key, cost in self._costs.items()
        }
        self._failed: dict[Key, UnitCost] = {}
        self._statements = {statement_key(e[1]): e for e in known.statement_costs}
        self._savings = {saving_key(each): each for each in known.savings}
        self._overheads = {
            (table.database, table.relid, table.role): (
                policies,
                recalled(table, recent),
            )
            for policies, table, recent in known.overheads
        }
        self._rounds = 0
        self._failures = 0

    @property
    def saved(self) -> SavedProbes:
        """Return what has to survive a restart."""
        return SavedProbes(
            unit_costs=tuple(self._costs.values()),
            statement_costs=tuple(self._statements.values()),
            savings=tuple(self._savings.values()),
            overheads=tuple(
                (policies, found.table, found.recent)
                for policies, found in self._overheads.values()
            ),
            spent=self.allowance.kept,
        )

    @property
    def moments(self) -> Mapping[Key, datetime]:
        """Return when each figure that is remembered was measured."""
        return {
            **{key: cost.at for key, cost in self._costs.items()},
            **{key: cost.at for key, (_, cost) in self._statements.items()},
            **{key: saving.at for key, saving in self._savings.items()},
        }

    def cost(self, key: Key) -> UnitCost | None:
        """Return the last good figure of a table and persona."""
        return self._costs.get(key)

    def note_round(self, seconds: float, now: datetime, *, has_failed: bool) -> None:
        """Count a round and what it took."""
        self._rounds += 1
        self._failures += has_failed
        self.allowance.spend(seconds, now)

    def take_cost(self, cost: UnitCost) -> None:
        """Take what a round on a table brought.

        A busy server makes policies seem dearer, a whole round long. The figure of
        the quietest of the last rounds stands, as of the last one.
        """
        key = cost_key(cost)
        if cost.status != "ok":
            _put(self._failed, key, cost)
            return
        self._failed.pop(key, None)
        recent = (*self._recent.get(key, ()), cost)[-ROUNDS:]
        best = quietest(recent) or cost
        _put(self._recent, key, recent)
        _put(self._costs, key, replace(best, at=cost.at))

    def take_statement(self, cost: StatementCost, policy_set: str) -> None:
        """Take what a round on a listed statement brought."""
        _put(self._statements, statement_key(cost), (policy_set, cost))

    def take_saving(self, saving: Saving) -> None:
        """Take what is known of a rewrite now."""
        _put(self._savings, saving_key(saving), saving)

    def add_overheads(
        self, table: Guarded, policy_set: str, seconds: Sequence[float]
    ) -> None:
        """Add what policies cost statements of a table and role."""
        key = table.database, table.relid, table.role
        policies, known = self._overheads.get(key, (policy_set, None))
        before = known if policies == policy_set else None
        after = with_overheads(before, table, seconds)
        _put(self._overheads, key, (policy_set, after), most=MOST_HISTOGRAMS)

    def keep_personas(self, names: Collection[str]) -> None:
        """Drop the figures of all other personas."""
        for costs in (self._costs, self._failed):
            for key in [k for k, cost in costs.items() if cost.persona not in names]:
                self._drop(key)
        for key, (_, cost) in list(self._statements.items()):
            if cost.persona not in names:
                self._drop(key)
        for key, saving in list(self._savings.items()):
            if not set(saving.personas) <= set(names):
                self._drop(key)

    def void(self, survey: Survey) -> frozenset[Key]:
        """Drop what no longer holds; return the rounds whose figures are gone.

        Figures of databases that the survey could not judge stay.
        """
        self.answers.void(survey.databases)
        gone = {
            key
            for costs in (self._costs, self._failed)
            for key, cost in costs.items()
            if _is_void(survey, cost.table, cost.policy_set)
        }
        gone |= {
            key
            for key, (policies, cost) in self._statements.items()
            if survey.databases.get(cost.database, policies) != policies
        }
        gone |= {k for k, saving in self._savings.items() if _is_off(survey, saving)}
        for key in gone:
            self._drop(key)
        for place, (policies, found) in list(self._overheads.items()):
            if _is_void(survey, found.table, policies):
                del self._overheads[place]
        return frozenset(gone)

    def _drop(self, key: Key) -> None:
        for kept in (
            self._costs,
            self._recent,
            self._failed,
            self._statements,
            self._savings,
        ):
            kept.pop(key, None)

    def probes(self, now: datetime, paused: str) -> Probes:
        """Return everything as checks and surfaces may see it."""
        return Probes(
            unit_costs=(*self._costs.values(), *self._failed.values()),
            statement_costs=tuple(cost for _, cost in self._statements.values()),
            overheads=tuple(found for _, found in self._overheads.values()),
            savings=tuple(self._savings.values()),
            confirmed=self.answers.given,
            rounds_total=self._rounds,
            failures_total=self._failures,
            seconds_total=self.allowance.total,
            seconds_this_hour=self.allowance.spent(now),
            paused=paused,
        )


def cost_key(cost: UnitCost) -> Key:
    """Return the key of the round that brought a table's cost."""
    return ("table", cost.table.database, str(cost.table.relid), cost.persona)


def statement_key(cost: StatementCost) -> Key:
    """Return the key of the round that brought a statement's cost."""
    return ("statement", cost.database, cost.statement, cost.persona)


def saving_key(saving: Saving) -> Key:
    """Return the key of the round that brought a rewrite's benefit."""
    relid = str(saving.relid)
    return ("saving", saving.database, relid, saving.policy_name, saving.rule)


def _put(kept: dict[K, V], key: K, value: V, *, most: int = MOST_KEPT) -> None:
    """Put a value at the end; beyond the limit the oldest go."""
    kept.pop(key, None)
    kept[key] = value
    for oldest in list(kept)[: max(0, len(kept) - most)]:
        del kept[oldest]


def _is_void(survey: Survey, table: Guarded, policy_set: str) -> bool:
    if table.database not in survey.databases:
        return False
    return survey.policies.get((table.database, table.relid)) != policy_set


def _is_off(survey: Survey, saving: Saving) -> bool:
    if saving.database not in survey.databases:
        return False
    return survey.policies.get((saving.database, saving.relid)) != saving.policy_set
