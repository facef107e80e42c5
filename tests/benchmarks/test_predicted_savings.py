"""What rewrites are predicted to save, beside what they save once applied.

A prediction is made without altering anything; then the rewrite is applied as it
stands and the same statement is timed again. Published are only predictions that the
trust rule lets pass; the others are printed with the reason for which they are not.

On a machine that others use its load may change between the two. Both time the
statement under the present policy; where these times differ by more than a quarter,
prediction and measurement are taken again, and in the end printed but not judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
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
TRIES = 4
ALIKE = 1.25
"""By how much the time of the present policy may differ from prediction to proof."""
LEAST_COMPARED = 5
LIMIT = timedelta(seconds=1)
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
            f"{'predicted':>11}{'measured':>10}  factor"
        )
        factors = {
            f"{case.name}, {rule}": factor
            for case in CASES
            for rule, factor in (await compared(stage, case, say)).items()
        }

    assert len(factors) >= LEAST_COMPARED
    assert {n: f for n, f in factors.items() if not 1 / FACTOR <= f <= FACTOR} == {}


async def compared(stage: Stage, case: Case, say: Say) -> dict[str, float]:
    """Predict, apply and undo each rewrite of a case; return what was published."""
    await stage.lay_down(case.policy)
    factors: dict[str, float] = {}
    for rule in await stage.proposals("published"):
        persona = asking(stage, "anon" if rule == "restrict_roles" else "user")
        saving, times = await both(stage, rule, persona)
        assert saving.differing_rows == 0
        say(row(case, saving, times))
        if saving.saved is not None and times.is_like(saving):
            factors[rule] = saving.saved / times.saved
    await removed(stage, case)
    return factors


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of the same statement before and after the rewrite was applied."""

    before: float
    after: float

    @property
    def saved(self) -> float:
        """Return what the rewrite saves in truth."""
        return self.before - self.after

    def is_like(self, saving: Saving) -> bool:
        """Say whether the machine was as busy as when the prediction was made.

        Both have timed the present policy: that is no prediction.
        """
        now = saving.now_seconds or 0.0
        return self.before / ALIKE <= now <= self.before * ALIKE


async def both(stage: Stage, rule: str, persona: Persona) -> tuple[Saving, Measured]:
    """Predict and measure, again while the machine's load changes in between."""
    tries = 0
    while True:
        tries += 1
        saving = await stage.predict("published", rule)
        if saving.saved is None:
            return saving, Measured(0.0, 0.0)
        times = await measured(stage, saving, persona)
        if times.is_like(saving) or tries == TRIES:
            return saving, times


async def measured(stage: Stage, saving: Saving, persona: Persona) -> Measured:
    """Apply a rewrite, time the statement, and take it back, in turns."""
    least = {saving.sql: math.inf, saving.undo: math.inf}
    for statements in (saving.sql, saving.undo) * ROUNDS:
        for statement in statements.split(";\n"):
            await stage.apply(statement)
        time = await timed(stage.admin, persona, saving.statement, times=3, limit=60)
        least[statements] = min(least[statements], time.seconds)
    return Measured(before=least[saving.undo], after=least[saving.sql])


def row(case: Case, saving: Saving, times: Measured) -> str:
    """Return a prediction as one line of the table."""
    name = f"{case.name}: {saving.rule}"
    if saving.saved is None:
        return f"  {name:<52}withheld: {saving.reason}"
    figures = (saving.now_seconds, saving.imitated_seconds, saving.saved, times.saved)
    now, imitated, predicted, real = (f"{(f or 0.0) * 1000:,.2f}" for f in figures)
    sampled = ", on a sample" if "tablesample" in saving.statement else ""
    said = (
        f"{saving.saved / times.saved:.2f}" if times.is_like(saving) else "other load"
    )
    return (
        f"  {name + sampled:<52}{now:>9}{imitated:>10}{predicted:>11}{real:>10}  {said}"
    )
