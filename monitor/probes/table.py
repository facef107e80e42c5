"""Times what the policies of a table cost per row, for one persona.

Both sides count the same sampled rows in turn, so that what they differ in is the
policies: those for SELECT, which UPDATE and DELETE evaluate as well. What a WITH
CHECK adds to a write is not timed: nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.model.persona import Persona, RlsOptions
from monitor.model.rls import Guarded, UnitCost
from monitor.probes import sampling, subject, transaction
from monitor.probes.pair import ProbePair
from monitor.probes.sampling import LEAST_ROWS, Sample
from monitor.probes.transaction import Execution, Failure, Guise
from monitor.rls.unit_cost import Pair, row_cost

_TRIES = 3


@dataclass(frozen=True, slots=True)
class _Measured:
    """Every pair's timings, with the rows of the samples."""

    pairs: tuple[Pair, ...]
    small_rows: int
    large_rows: int


@dataclass(frozen=True, slots=True)
class _Both:
    """One sample timed on both sides; `rows` are those without policies."""

    role: float
    bypass: float
    rows: int


async def probe_table(
    pair: ProbePair,
    table: Guarded,
    persona: Persona,
    options: RlsOptions,
    *,
    policy_set: str,
    estimated_rows: float,
    relpages: int,
    now: datetime,
) -> UnitCost:
    """Return what the table's policies cost per row, or why that is not known.

    `estimated_rows` and `relpages` are pg_class's; which rows are drawn follows from
    `now`. Nothing is raised: a connection that was given up shows in `pair.is_open`.
    """
    nothing = UnitCost(
        table=table,
        persona=persona.name,
        policy_set=policy_set,
        status="error",
        at=now,
    )
    prober = _Prober(pair, table, persona, options)
    sample = sampling.first_sample(
        table,
        options,
        rows=round(estimated_rows),
        pages=relpages,
        seed=int(now.timestamp()),
    )
    measured = await prober.refuse(estimated_rows) or await prober.measure(
        sample, relpages
    )
    if isinstance(measured, Failure):
        return replace(nothing, status=measured.status, reason=measured.reason)
    cost = row_cost(measured.pairs, measured.small_rows, measured.large_rows)
    return replace(
        nothing,
        status=cost.status,
        reason=cost.reason,
        per_row=cost.per_row,
        low=cost.low,
        high=cost.high,
        fixed=cost.fixed,
        rows=measured.large_rows,
        pairs=cost.pairs,
        dropped_pairs=cost.dropped_pairs,
    )


class _Prober:
    """Both sides of one table's probe."""

    def __init__(
        self, pair: ProbePair, table: Guarded, persona: Persona, options: RlsOptions
    ) -> None:
        self._pair = pair
        self._table = table
        self._options = options
        self._setting = transaction.foreign_setting(persona)
        self._persona = transaction.as_persona(persona, options.exposed_schemas)
        self._bypassing = transaction.as_bypassing(options.bypass_role)

    async def refuse(self, estimated_rows: float) -> Failure | None:
        """Return why nothing is to be timed; None if something is."""
        if self._setting:
            reason = f'setting "{self._setting}" is the server\'s, no claim'
            return Failure("error", reason)
        if 0 <= estimated_rows < LEAST_ROWS:
            return Failure("skipped", f"only {estimated_rows:.0f} rows")
        if estimated_rows < 0:
            return Failure("skipped", "never analyzed: its size is not known")
        return await subject.refusal(
            self._pair.probe,
            self._persona,
            self._pair.bypass,
            self._bypassing,
            self._table,
            seconds=self._pair.seconds,
        )

    async def measure(self, sample: Sample, pages: int) -> _Measured | Failure:
        """Return the timings of all pairs; the side that goes first changes."""
        tried = await self._try(sample)
        if isinstance(tried, Failure):
            return tried
        sample, first = tried
        small, large = sampling.sized(
            sample, self._options, rows=first.rows, seconds=first.role, pages=pages
        )
        of_small: list[_Both] = []
        of_large: list[_Both] = []
        for number in range(self._options.pairs):
            for share, found in ((small, of_small), (large, of_large)):
                both = await self._both(share, role_first=number % 2 == 0)
                if isinstance(both, Failure):
                    return both
                found.append(both)
        return _measured(of_small, of_large)

    async def _try(self, sample: Sample) -> tuple[Sample, _Both] | Failure:
        """Time a first sample, and a smaller one while policies take too long."""
        for _ in range(_TRIES - 1):
            both = await self._both(sample, role_first=False)
            if not (isinstance(both, Failure) and both.status == "timeout"):
                break
            sample = sample.less
        else:
            both = await self._both(sample, role_first=False)
        if isinstance(both, Failure):
            return both
        if both.rows < LEAST_ROWS:
            return Failure("skipped", f"only {both.rows} rows within the time limit")
        return sample, both

    async def _both(self, sample: Sample, *, role_first: bool) -> _Both | Failure:
        times: dict[bool, Execution] = {}
        for is_role in (role_first, not role_first):
            taken = await self._time(sample, is_role=is_role)
            if isinstance(taken, Failure):
                return taken
            times[is_role] = taken
        return _Both(
            role=times[True].seconds,
            bypass=times[False].seconds,
            rows=times[False].sampled_rows,
        )

    async def _time(self, sample: Sample, *, is_role: bool) -> Execution | Failure:
        session = self._pair.probe if is_role else self._pair.bypass
        guise: Guise = self._persona if is_role else self._bypassing
        return await transaction.timed(
            session, guise, sample.request, seconds=self._pair.seconds
        )


def _measured(small: Sequence[_Both], large: Sequence[_Both]) -> _Measured | Failure:
    if not small:
        return Failure("skipped", "no pair was wanted")
    few, many = small[0].rows, large[0].rows
    if many - few < LEAST_ROWS:
        return Failure("skipped", f"a sample has only {many} rows")
    pairs = tuple(
        Pair(a.role, a.bypass, b.role, b.bypass)
        for a, b in zip(small, large, strict=True)
    )
    return _Measured(pairs, few, many)
