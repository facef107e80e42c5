"""Times of one statement as a persona, with the bounds of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from monitor.model.persona import Persona
from tests.rewriting import CLAIMS, Connection

PATIENCE_SECONDS = 5.0
"""A statement that takes longer is not run again."""


@dataclass(frozen=True, slots=True)
class Time:
    """The least execution time of several; `is_bound` says that it was cut off."""

    seconds: float
    is_bound: bool = False

    def __str__(self) -> str:
        return f"{'> ' if self.is_bound else ''}{self.seconds * 1000:,.3f} ms"


async def timed(
    admin: Connection, persona: Persona, statement: str, *, times: int, limit: float
) -> Time:
    """Run a statement several times as a persona; return the least time it took."""
    best = Time(limit, is_bound=True)
    for _ in range(times):
        seconds = await _once(admin, persona, statement, limit)
        if seconds is None:
            return best
        best = Time(min(best.seconds, seconds))
        if seconds > PATIENCE_SECONDS:
            break
    return best


async def _once(
    admin: Connection, persona: Persona, statement: str, limit: float
) -> float | None:
    claims = persona.settings[CLAIMS]
    async with admin.transaction(force_rollback=True):
        await admin.execute(
            "select set_config('statement_timeout', %s, true),"
            " set_config(%s, %s, true), set_config('jit', 'off', true),"
            " set_config('max_parallel_workers_per_gather', '0', true)",
            [str(round(limit * 1000)), CLAIMS, claims],
        )
        await admin.execute(
            sql.SQL("set local role {}").format(sql.Identifier(persona.role))
        )
        try:
            cursor = await admin.execute(
                f"explain (analyze, timing off, format json) {statement}".encode()
            )
        except psycopg.errors.QueryCanceled:
            return None
        row = await cursor.fetchone()
    assert row is not None
    return float(row[0][0]["Execution Time"]) / 1000
