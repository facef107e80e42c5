"""Times a statement that an operator listed, with policies and without.

It is run as written, on the side without policies as well: only an operator's own
settings can name one. Names have to be qualified: that side's search_path is not the
application's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from monitor.model.persona import ListedStatement, Persona, RlsOptions
from monitor.model.rls import StatementCost
from monitor.probes import recorded, transaction
from monitor.probes.pair import ProbePair
from monitor.probes.transaction import Failure
from monitor.rls.unit_cost import difference
from monitor.sqltext.reading import not_a_read

Times = tuple[float, float]
"""Seconds under policies and without."""


async def probe_statement(
    pair: ProbePair,
    statement: ListedStatement,
    persona: Persona,
    options: RlsOptions,
    now: datetime,
) -> StatementCost:
    """Return what a statement takes on both sides, or why that is not known.

    The difference is negative where a policy gives the planner an index to use.
    Nothing is raised: a connection that was given up shows in `pair.is_open`.
    """
    nothing = StatementCost(
        database=statement.database,
        statement=statement.name,
        persona=persona.name,
        role=persona.role,
        status="error",
        at=now,
    )
    times = await _times(pair, statement.sql, persona, options)
    if isinstance(times, Failure):
        return replace(nothing, status=times.status, reason=times.reason)
    cost = difference(times)
    return replace(
        nothing,
        status=cost.status,
        reason=cost.reason,
        with_policies=cost.role,
        bypassing=cost.bypass,
        low=cost.low,
        high=cost.high,
        pairs=cost.pairs,
    )


async def _times(
    pair: ProbePair, text: str, persona: Persona, options: RlsOptions
) -> Sequence[Times] | Failure:
    if setting := transaction.foreign_setting(persona):
        return Failure("error", f'setting "{setting}" is the server\'s, no claim')
    if reason := not_a_read(text):
        return Failure("skipped", f"the statement cannot be timed: {reason}")
    request = recorded.timed("probe_statement", text)
    sides = {
        True: (pair.probe, transaction.as_persona(persona, options.exposed_schemas)),
        False: (pair.bypass, transaction.as_bypassing(options.bypass_role, persona)),
    }
    found: list[Times] = []
    # The first one warms both sides up: its times are not kept.
    for number in range(options.pairs + 1):
        times: dict[bool, float] = {}
        for is_role in (number % 2 == 0, number % 2 == 1):
            session, guise = sides[is_role]
            taken = await transaction.timed(
                session, guise, request, seconds=pair.seconds
            )
            if isinstance(taken, Failure):
                return taken
            times[is_role] = taken.seconds
        found.append((times[True], times[False]))
    return found[1:]
