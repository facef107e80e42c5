"""What `analyze_rls_performance()` says of what a daemon observed and probed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.assembly import Assembly
from monitor.model.rls_report import RlsReport
from monitor.postgres.store import Report, Store
from monitor.rls.history import observations
from monitor.runtime.scribe import VALID_FOR
from tests.integration.postgres.schema import installed, rows, session_to
from tests.integration.runtime.probing import Admin, Application, running, until
from tests.servers import Cluster

VOLATILE = """
    create or replace function public.may_see(wanted integer) returns boolean
    language plpgsql volatile as $f$
    begin
        perform pg_catalog.count(*) from pg_catalog.generate_series(1, 1500);
        return wanted > 0;
    end
    $f$
"""
WRAPPED = "alter policy seen on public.notes using ((select public.may_see(1)))"
RATED = """
    select
        table_name,
        role_name,
        performance_rating,
        rated_by,
        total_executions > 0,
        avg_execution_time > 0,
        overhead_p95 < avg_execution_time
    from monitoring.analyze_rls_performance()
    order by role_name
"""


@pytest.fixture
async def application(
    cluster: Cluster, database: str, admin: Admin
) -> AsyncIterator[Application]:
    made = Application(cluster, database, admin)
    await made.set_up()
    await made.execute(VOLATILE)
    await installed(cluster.conninfo(database))
    async with made.traffic():
        yield made
    await made.clear()


def seen(assembly: Assembly) -> RlsReport:
    targets = assembly.daemon.current().targets
    return targets[0].rls if targets else RlsReport()


async def awaited(assembly: Assembly, *, is_probed: bool) -> RlsReport:
    """Return a report with traffic and with, or without, a probed cost."""
    found: list[RlsReport] = []

    def look() -> bool:
        report = seen(assembly)
        loads = [load for table in report.tables for load in table.loads]
        costs = [cost for table in report.tables for cost in table.overheads]
        found[:] = [report]
        return any(load.recent_calls for load in loads) and bool(costs) is is_probed

    await until(look)
    return found[0]


async def kept(application: Application, report: RlsReport) -> list[Any]:
    """Write what the daemon has seen, as its scribe does, and ask the database."""
    about = Report(target="orders", at=datetime.now(UTC), valid_for=VALID_FOR)
    conninfo = application.cluster.conninfo(application.database)
    async with session_to(conninfo) as session:
        await Store(session).save_rls_observations(about, observations(report))
    return await rows(application.admin, RATED)


@pytest.mark.pg
@pytest.mark.timeout(240)
@pytest.mark.requirement("S8.1.1-d")
async def test_a_dear_helper_is_rated_by_its_cost_and_excellent_once_it_is_wrapped(
    application: Application, tmp_path: Path
) -> None:
    # The budget of an hour is not what this is about.
    rls = application.rls(seconds_per_hour=600)
    settings = application.settings(tmp_path, **rls)

    async with running(settings) as assembly:
        dear = await kept(application, await awaited(assembly, is_probed=True))
        await application.execute(WRAPPED)
        changed = await kept(application, await awaited(assembly, is_probed=False))
        cheap = await kept(application, await awaited(assembly, is_probed=True))

    user, table = application.user, "public.notes"
    assert [row[:4] for row in dear] == [(table, user, "NEEDS_OPTIMIZATION", "probed")]
    assert dear[0][4:6] == (True, True)
    assert [(row[1], row[3]) for row in changed] == [(user, "observed")]
    assert [row[:4] for row in cheap] == [(table, user, "EXCELLENT", "probed")]
