"""What a rewritten policy takes, beside what it takes now, without altering it.

A statement is timed as it is, as an imitation in which the present policies are
written out, and as one with the rewritten policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.model.persona import Persona, RlsOptions
from monitor.model.quoting import qualified
from monitor.model.rls import Saving
from monitor.probes import equivalence, recorded, transaction
from monitor.probes.equivalence import SMALL_PAGES
from monitor.probes.pair import ProbePair
from monitor.probes.sampling import LEAST_ROWS
from monitor.probes.transaction import Execution, Failure
from monitor.rls.imitation import imitation
from monitor.rls.inventory import Inventory
from monitor.rls.rewriting import Rewrite
from monitor.rls.trust import Shape, Times, distrust, least, shape
from monitor.sqltext.predicates import relations

_MOST_LIMITS = 8
"""How many time limits the pairs of one statement may take together."""
_FEWEST_PAGES = 3
_FEWEST_ROWS = 100


@dataclass(frozen=True, slots=True)
class _Trial:
    """One statement in its three forms."""

    statement: str
    as_now: str
    rewritten: str


@dataclass(frozen=True, slots=True)
class Case:
    """All that the timing of one rewrite for one persona takes."""

    pair: ProbePair
    known: Inventory
    rewrite: Rewrite
    persona: Persona

    @property
    def options(self) -> RlsOptions:
        """Return the bounds of the probe."""
        return self.pair.options

    async def real(self, text: str) -> Execution | Failure:
        """Time a statement as the persona, under the present policies."""
        guise = transaction.as_persona(self.persona, self.options.exposed_schemas)
        return await transaction.timed(
            self.pair.probe,
            guise,
            recorded.timed("probe_saving", text),
            seconds=self.pair.seconds,
        )

    async def imitated(self, text: str) -> Execution | Failure:
        """Time an imitation, with all rows in sight."""
        return await transaction.timed(
            self.pair.bypass,
            equivalence.bypassing_as(self.persona, self.options),
            recorded.timed("probe_saving", text),
            seconds=self.pair.seconds,
        )


async def timed(case: Case, saving: Saving) -> Saving:
    """Return the saving with times, of the first statement that gives believable ones.

    Samples are for tables that cannot be counted in time: what is saved on them is
    the least that a statement on the whole table saves.
    """
    reason = "no statement that reads the table can be imitated"
    for statements in (_whole(case), _samples(case)):
        measured: Saving | None = None
        for trial in _trials(case, statements):
            found = await _measured(case, trial, saving)
            if isinstance(found, Failure):
                reason = found.reason
            elif found.is_trusted:
                return found
            else:
                measured = measured or found
        if measured is not None:
            return measured
    return replace(saving, reason=f"not timed: {reason}")


def _trials(case: Case, statements: Iterable[str]) -> Iterator[_Trial]:
    for statement in statements:
        as_now = imitation(case.known, statement, case.persona.role)
        new = imitation(case.known, statement, case.persona.role, case.rewrite)
        if as_now is not None and new is not None and as_now != new:
            yield _Trial(statement, as_now, new)


def _whole(case: Case) -> Iterator[str]:
    """Yield what reads the table: listed statements, then the count of its rows."""
    table = case.rewrite.relation
    for listed in case.options.statements:
        read = relations(listed.sql) or ()
        is_here = listed.database == case.rewrite.datname
        if is_here and (table.schemaname, table.relname) in read:
            yield listed.sql
    yield _count(case)


def _samples(case: Case) -> Iterator[str]:
    """Yield counts of ever fewer rows, by pages where there are enough of them."""
    table, options = case.rewrite.relation, case.options
    is_large = table.relpages > SMALL_PAGES
    few = table.reltuples * _FEWEST_PAGES / table.relpages if is_large else _FEWEST_ROWS
    method = "system" if is_large else "bernoulli"
    for rows in (options.large_sample, options.small_sample, few):
        if table.reltuples > rows:
            percent = 100.0 * rows / table.reltuples
            sample = f"pg_catalog.{method} ({percent:.6f}) repeatable (1)"
            yield f"{_count(case)} tablesample {sample}"


def _count(case: Case) -> str:
    table = case.rewrite.relation
    name = qualified(table.schemaname, table.relname)
    return f"select pg_catalog.count(*) from {name}"  # noqa: S608 - quoted


async def _measured(case: Case, trial: _Trial, saving: Saving) -> Saving | Failure:
    """Time the three forms in turn; the least of each is what it takes."""
    rounds: list[Times] = []
    spent, limit = 0.0, case.options.statement_timeout.total_seconds() * _MOST_LIMITS
    shapes: tuple[Shape, Shape] | None = None
    while len(rounds) < case.options.pairs and spent <= limit:
        executions = await _once(case, trial)
        if isinstance(executions, Failure):
            return executions
        real, as_now, rewritten = executions
        if _is_too_small(trial, real):
            return Failure("skipped", "too few rows were sampled")
        rounds.append(Times(real.seconds, as_now.seconds, rewritten.seconds))
        spent += sum(each.seconds for each in executions)
        shapes = shape(real.plan), shape(as_now.plan)
    if shapes is None:
        return Failure("skipped", "no pairs are configured")
    return _published(saving, trial, rounds, distrust(*shapes, rounds))


def _published(
    saving: Saving, trial: _Trial, rounds: Sequence[Times], reason: str
) -> Saving:
    best = least(rounds)
    return replace(
        saving,
        statement=trial.statement,
        now_seconds=best.now,
        imitated_seconds=best.as_now,
        rewritten_seconds=best.rewritten,
        is_trusted=not reason,
        reason=reason,
    )


def _is_too_small(trial: _Trial, real: Execution) -> bool:
    return "tablesample" in trial.statement and _examined(real.plan) < LEAST_ROWS


def _examined(plan: Mapping[str, Any]) -> float:
    """Return how many rows sample scans looked at, whatever policies made of them."""
    if plan.get("Node Type") == "Sample Scan":
        seen = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        return float(seen) * float(plan["Actual Loops"])
    return sum(_examined(child) for child in plan.get("Plans", ()))


async def _once(
    case: Case, trial: _Trial
) -> tuple[Execution, Execution, Execution] | Failure:
    real = await case.real(trial.statement)
    if isinstance(real, Failure):
        return real
    as_now = await case.imitated(trial.as_now)
    if isinstance(as_now, Failure):
        return as_now
    rewritten = await case.imitated(trial.rewritten)
    if isinstance(rewritten, Failure):
        return rewritten
    return real, as_now, rewritten
