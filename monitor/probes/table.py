"""Times what the policies of a table cost per row, for one persona.

Both sides count the same sampled rows in turn, so that what they differ in is the
policies: those for SELECT, which UPDATE and DELETE evaluate as well. What a WITH
CHECK adds to a write is not timed: nothing is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.model.persona import Persona, RlsOptions
from monitor.model.rls import Guarded, UnitCost
from monitor.probes import sampling, subject, transaction
from monitor.probes.pair import ProbePair
from monitor.probes.sampling import LEAST_ROWS, Sample
from monitor.probes.subject import SubjectRow
from monitor.probes.transaction import Execution, Failure, Guise
from monitor.rls.unit_cost import Pair, row_cost, undisturbed

_TRIES = 3
# server_version_num from which a range of pages is read without the rest.
_PAGE_RANGES = 140000
# Disturbed pairs are taken again, until there are this many times as many as wanted.
_AGAIN = 3
# Between pairs, so that one busy moment of the server does not hit all of them.
_REST_SECONDS = 0.025


async def rest() -> None:
    """Leave the server to others for a moment; no transaction is open meanwhile."""
    await asyncio.sleep(_REST_SECONDS)


@dataclass(frozen=True, slots=True)
class _Measured:
    """Every pair's timings, with the rows of the samples."""

    pairs: tuple[Pair, ...]
    small_rows: int
    large_rows: int


@dataclass(frozen=True, slots=True)
class _Both:
    """One sample timed on both sides; `rows` are those without policies.

    `same_scan` says that both read the table in the same manner.
    """

    role: float = 0.0
    bypass: float = 0.0
    rows: int = 0
    same_scan: bool = True


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
    between: Callable[[], Awaitable[None]] = rest,
) -> UnitCost:
    """Return what the table's policies cost per row, or why that is not known.

    `estimated_rows` and `relpages` are pg_class's; which rows are drawn follows from
    `now`; `between` is awaited after each pair. Nothing is raised: a connection that
    was given up shows in `pair.is_open`.
    """
    nothing = UnitCost(
        table=table,
        persona=persona.name,
        policy_set=policy_set,
        status="error",
        at=now,
    )
    prober = _Prober(pair, table, persona, options, between)
    measured = await prober.measure(
        rows=round(estimated_rows), pages=relpages, seed=int(now.timestamp())
    )
    return _filled(nothing, measured)


def _filled(nothing: UnitCost, measured: _Measured | Failure) -> UnitCost:
    """Return a result with what was measured, or with why nothing was."""
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
        scan_per_row=cost.scan,
        rows=measured.large_rows,
        pairs=cost.pairs,
        dropped_pairs=cost.dropped_pairs,
    )


class _Prober:
    """Both sides of one table's probe."""

    def __init__(
        self,
        pair: ProbePair,
        table: Guarded,
        persona: Persona,
        options: RlsOptions,
        between: Callable[[], Awaitable[None]],
    ) -> None:
        self._pair = pair
        self._table = table
        self._options = options
        self._between = between
        self._setting = transaction.foreign_setting(persona)
        self._persona = transaction.as_persona(persona, options.exposed_schemas)
        self._bypassing = transaction.as_bypassing(options.bypass_role)

    async def measure(self, *, rows: int, pages: int, seed: int) -> _Measured | Failure:
        """Return the timings of all pairs; the side that goes first changes."""
        examined = await self._examine(rows)
        if isinstance(examined, Failure):
            return examined
        sample = sampling.first_sample(
            self._table,
            self._options,
            rows=rows,
            pages=pages,
            seed=seed,
            has_page_ranges=self._has_page_ranges and examined.kind == "r",
        )
        tried = await self._try(sample)
        if isinstance(tried, Failure):
            return tried
        sample, first = tried
        small, large = sampling.sized(
            sample, self._options, rows=first.rows, seconds=first.role
        )
        return await self._repeat(small, large)

    async def _examine(self, rows: int) -> SubjectRow | Failure:
        if self._setting:
            reason = f'setting "{self._setting}" is the server\'s, no claim'
            return Failure("error", reason)
        if rows < 0:
            return Failure("skipped", "never analyzed: its size is not known")
        if rows < LEAST_ROWS:
            return Failure("skipped", f"only {rows} rows")
        return await subject.examine(
            self._pair.probe,
            self._persona,
            self._pair.bypass,
            self._bypassing,
            self._table,
            seconds=self._pair.seconds,
        )

    async def _repeat(self, small: Sample, large: Sample) -> _Measured | Failure:
        few = many = _Both()
        pairs: list[Pair] = []
        while self._wants_more(pairs):
            few = await self._both(small, role_first=len(pairs) % 2 == 0)
            if isinstance(few, Failure):
                return few
            many = await self._both(large, role_first=len(pairs) % 2 == 0)
            if isinstance(many, Failure):
                return many
            if many.rows - few.rows < LEAST_ROWS:
                return Failure("skipped", f"only {many.rows} rows could be drawn")
            pairs.append(Pair(few.role, few.bypass, many.role, many.bypass))
            await self._between()
        return _Measured(tuple(pairs), few.rows, many.rows)

    @property
    def _has_page_ranges(self) -> bool:
        return self._pair.probe.connection.info.server_version >= _PAGE_RANGES

    def _wants_more(self, pairs: Sequence[Pair]) -> bool:
        wanted = self._options.pairs
        return undisturbed(pairs) < wanted and len(pairs) < _AGAIN * wanted

    async def _try(self, sample: Sample) -> tuple[Sample, _Both] | Failure:
        """Time a first sample, and a smaller one while policies take too long."""
        both = await self._both(sample, role_first=False)
        for _ in range(_TRIES):
            if isinstance(both, Failure) and both.status == "timeout":
                sample = sample.less
            elif isinstance(both, _Both) and not both.same_scan:
                # A policy brought an index, which is not what is timed here.
                sample = sample.by_tablesample
            else:
                break
            both = await self._both(sample, role_first=False)
        if isinstance(both, Failure):
            return both
        if both.rows < LEAST_ROWS:
            return Failure("skipped", f"only {both.rows} rows could be drawn")
        # The samples' size follows from it: a cold or disturbed one would mislead.
        again = await self._both(sample, role_first=True)
        if isinstance(again, Failure):
            return again
        return sample, min(both, again, key=lambda each: each.role)

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
            rows=times[False].scanned_rows,
            same_scan=times[True].scan_types == times[False].scan_types,
        )

    async def _time(self, sample: Sample, *, is_role: bool) -> Execution | Failure:
        session = self._pair.probe if is_role else self._pair.bypass
        guise: Guise = self._persona if is_role else self._bypassing
        return await transaction.timed(
            session, guise, sample.request, seconds=self._pair.seconds
        )
