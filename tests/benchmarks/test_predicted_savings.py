"""What rewrites are predicted to save, beside what they save once applied.

A prediction is made without altering anything; then the rewrite is applied as it
stands and the same statement is timed again. Published are only predictions that the
trust rule lets pass; the others are printed with the reason for which they are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

import pytest

from monitor.model.persona import Persona
from monitor.model.rls import Saving
from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.benchmarks import published, workload
from tests.benchmarks.conftest import Say
from tests.benchmarks.published import CASES, Case
from tests.benchmarks.test_published_rewrites import asking, removed
from tests.benchmarks.timing import timed
from tests.rewriting import Stage, staged

FACTOR = 1.5
ROUNDS = 3
LIMIT = timedelta(seconds=2)
"""Of each statement of a probe: the dearest cases have to be sampled."""

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module", params=[15, 18], ids=["pg15", "pg18"])
def server(request: pytest.FixtureRequest) -> Iterator[ThrowawayServer]:
    binaries = servers.binaries(request.param)
    with ThrowawayServer(workload.SETTINGS, binaries=binaries) as running:
        yield running


@pytest.mark.timeout(1800)
async def test_predicted_savings(server: ThrowawayServer, say: Say) -> None:
    async with staged(
        server.conninfo("postgres"), "predicted", (published.USER,), limit=LIMIT
    ) as stage:
        await stage.lay_down(published.TABLES)
        version = stage.admin.info.server_version // 10000
        say(
            f"\nPostgreSQL {version}, {published.ROWS:,} rows, ms per statement"
            f"\n  {'case and rewrite':<52}{'now':>9}{'imitated':>10}"
            f"{'predicted':>11}{'measured':>10}{'factor':>8}"
        )
        factors = {
            f"{case.name}, {rule}": factor
            for case in CASES
            for rule, factor in (await compared(stage, case, say)).items()
        }

    assert factors
    assert {n: f for n, f in factors.items() if not 1 / FACTOR <= f <= FACTOR} == {}


async def compared(stage: Stage, case: Case, say: Say) -> dict[str, float]:
    """Predict, apply and undo each rewrite of a case; return what was published."""
    await stage.lay_down(case.policy)
    factors: dict[str, float] = {}
    for rule in await stage.proposals("published"):
        saving = await stage.predict("published", rule)
        assert saving.differing_rows == 0
        role = "anon" if rule == "restrict_roles" else "user"
        measured = await saved(stage, saving, asking(stage, role))
        say(row(case, saving, measured))
        if saving.saved is not None and measured is not None:
            factors[rule] = saving.saved / measured
    await removed(stage, case)
    return factors


async def saved(stage: Stage, saving: Saving, persona: Persona) -> float | None:
    """Return what a rewrite saves in truth: applied, timed, taken back, in turns."""
    if not saving.statement:
        return None
    least = {saving.sql: math.inf, saving.undo: math.inf}
    for statements in (saving.sql, saving.undo) * ROUNDS:
        for statement in statements.split(";\n"):
            await stage.apply(statement)
        time = await timed(stage.admin, persona, saving.statement, times=3, limit=60)
        least[statements] = min(least[statements], time.seconds)
    return least[saving.undo] - least[saving.sql]


def row(case: Case, saving: Saving, measured: float | None) -> str:
    """Return a prediction as one line of the table."""
    name = f"{case.name}: {saving.rule}"
    if saving.saved is None or measured is None:
        return f"  {name:<52}withheld: {saving.reason}"
    figures = (saving.now_seconds, saving.imitated_seconds, saving.saved, measured)
    now, imitated, predicted, real = (f"{(f or 0.0) * 1000:,.2f}" for f in figures)
    sampled = ", on a sample" if "tablesample" in saving.statement else ""
    return (
        f"  {name + sampled:<52}{now:>9}{imitated:>10}{predicted:>11}{real:>10}"
        f"{saving.saved / measured:>8.2f}"
    )
