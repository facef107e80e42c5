"""The published table of slow policies: our findings name the cause and the cure.

For each case whose cure lies in the database the finding's own SQL is applied, as it
stands, and the statement is timed before and after. `BENCH_SECONDS` bounds a
statement: one that is cut off counts as if it had ended then, so that its ratio is
the least that it can be.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from monitor.model.finding import Finding
from monitor.model.persona import Persona
from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.benchmarks import published, workload
from tests.benchmarks.conftest import Say
from tests.benchmarks.published import CASES, REDUNDANT_FILTER, Case
from tests.benchmarks.timing import Time, timed
from tests.rewriting import Stage, staged

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
SHARE = 0.1
"""Of the published ratio at least this much has to be seen."""

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module", params=[15, 18], ids=["pg15", "pg18"])
def server(request: pytest.FixtureRequest) -> Iterator[ThrowawayServer]:
    binaries = servers.binaries(request.param)
    with ThrowawayServer(workload.SETTINGS, binaries=binaries) as running:
        yield running


@pytest.mark.timeout(1800)
async def test_published_rewrites(server: ThrowawayServer, say: Say) -> None:
    async with staged(
        server.conninfo("postgres"), "published", (published.USER,)
    ) as stage:
        await stage.lay_down(published.TABLES)
        version = stage.admin.info.server_version // 10000
        say(
            f"\nPostgreSQL {version}, {published.ROWS:,} rows, least of several; "
            f"a statement is cut off after {SECONDS:g} s, its ratio is then a lower "
            f"bound\n  {'case':<36}{'before':>16}{'after':>12}{'ratio':>10}"
            f"{'published':>11}  found by"
        )
        ratios = {case.name: await cured(stage, case, say) for case in CASES}
        await redundant_filter(stage, say)

    lacking = {
        case.name: ratios[case.name]
        for case in CASES
        if ratios[case.name] < SHARE * case.ratio
    }
    assert lacking == {}


async def cured(stage: Stage, case: Case, say: Say) -> float:
    """Apply what the finding proposes; return the ratio of the times."""
    await stage.lay_down(case.policy)
    finding = await found(stage, case)
    assert finding.remedy is not None
    persona = asking(stage, case.role)
    before = await time(stage, persona, case.sql)
    for statement in finding.remedy.sql.split(";\n"):
        await stage.apply(statement)
    await stage.admin.execute("analyze")
    after = await time(stage, persona, case.sql)
    for statement in finding.remedy.undo.split(";\n"):
        await stage.apply(statement)
    await removed(stage, case)
    ratio = before.seconds / after.seconds
    say(row(case, before, after, ratio))
    return ratio


async def found(stage: Stage, case: Case) -> Finding:
    """Return the finding that names the cause in the words expected."""
    findings = await stage.judge(case.finding)
    (one,) = (f for f in findings if case.table in f"{f.object} {f.summary}")
    said = (one.summary, *(str(e.value) for e in one.evidence))
    assert any(case.evidence in each for each in said)
    return one


def asking(stage: Stage, role: str) -> Persona:
    """Return the user with a login, or the one without."""
    named, nobody = stage.options.personas
    return nobody if role == "anon" else named


async def time(stage: Stage, persona: Persona, statement: str) -> Time:
    return await timed(stage.admin, persona, statement, times=7, limit=SECONDS)


async def removed(stage: Stage, case: Case) -> None:
    """Take the case away: its policy and functions."""
    await stage.apply(f"drop policy published on public.{case.table}")
    if case.before:
        name = case.before.split("function ", 1)[1].split("(", 1)[0]
        await stage.apply(f"drop function {name}()")


async def redundant_filter(stage: Stage, say: Say) -> None:
    """Print what the application alone can do, and that the finding says so."""
    case = REDUNDANT_FILTER
    await stage.lay_down(case.policy)
    await found(stage, case)
    persona = asking(stage, case.role)
    before = await time(stage, persona, "select count(*) from public.rlstest")
    after = await time(stage, persona, case.sql)
    await removed(stage, case)
    say(row(case, before, after, before.seconds / after.seconds))
    say("     for the application: the finding says what it can do, and no SQL for it")


def row(case: Case, before: Time, after: Time, ratio: float) -> str:
    """Return a case as one line of the table."""
    bound = "> " if before.is_bound else ""
    return (
        f"  {case.name:<36}{before!s:>16}{after!s:>12}{bound + f'{ratio:,.1f}':>10}"
        f"{case.ratio:>11,.1f}  {case.finding}"
    )
