"""What is written to schema monitoring, and what operators edit there."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.assembly import Assembly
from tests.integration.runtime.daemons import (
    install_monitoring,
    running,
    settings_for,
)
from tests.integration.runtime.loops import until

Admin = psycopg.AsyncConnection[TupleRow]


def thresholds(assembly: Assembly, check: str) -> dict[str, tuple[float, str]]:
    targets = assembly.daemon.current().targets
    found = targets[0].thresholds if targets else ()
    return {t.level: (t.value, t.origin) for t in found if t.check == check}


@pytest.mark.timeout(120)
@pytest.mark.requirement("S8.1.2-a")
async def test_edited_thresholds_count_without_a_restart(
    conninfo: str, admin: Admin, tmp_path: Path
) -> None:
    await admin.execute("create extension pg_stat_statements")
    await install_monitoring(conninfo)
    async with running(settings_for(conninfo, tmp_path)) as assembly:
        await until(lambda: bool(thresholds(assembly, "query_time")))
        before = thresholds(assembly, "query_time")

        await admin.execute(
            "update monitoring.performance_thresholds "
            "set warning_threshold = 7, critical_threshold = 77, updated_by = 'ann' "
            "where metric_name = 'avg_query_time_ms'"
        )
        origin = "performance_thresholds"
        await until(
            lambda: (
                thresholds(assembly, "query_time")
                == {"warning": (7.0, origin), "critical": (77.0, origin)}
            )
        )

    assert {origin for _, origin in before.values()} == {"default"}


@pytest.mark.timeout(120)
async def test_findings_are_written_for_those_who_ask_the_database(
    conninfo: str, admin: Admin, tmp_path: Path
) -> None:
    await admin.execute("create extension pg_stat_statements")
    await admin.execute(
        "create table public.notes (id int primary key); "
        "create table public.parts (id int, "
        "note int references public.notes deferrable initially deferred)"
    )
    await admin.execute("insert into public.parts select from generate_series(1, 5000)")
    await admin.execute("analyze public.parts")
    await admin.execute("select pg_catalog.pg_stat_force_next_flush()")
    await install_monitoring(conninfo)
    seen: list[TupleRow] = []
    async with running(settings_for(conninfo, tmp_path)) as assembly:
        await until(lambda: bool(assembly.daemon.current().targets))
        while not seen:
            cursor = await admin.execute(
                "select check_name, objname, state from monitoring.findings "
                "where check_name = 'foreign_key_without_index'"
            )
            seen = await cursor.fetchall()

    assert seen == [("foreign_key_without_index", "parts.parts_note_fkey", "open")]


@pytest.mark.timeout(120)
@pytest.mark.requirement("S8.1.2-g")
async def test_alerts_are_written_when_they_fire_and_when_they_are_over(
    conninfo: str, admin: Admin, tmp_path: Path
) -> None:
    await admin.execute("create extension pg_stat_statements")
    await admin.execute("create sequence public.numbers maxvalue 100")
    await admin.execute("select setval('public.numbers', 99)")
    await install_monitoring(conninfo)

    async def history() -> list[TupleRow]:
        cursor = await admin.execute(
            "select alertname, object, severity, resolved_at is null "
            "from monitoring.alerts where object = 'public.numbers'"
        )
        return await cursor.fetchall()

    async with running(settings_for(conninfo, tmp_path)) as assembly:
        await until(lambda: bool(assembly.daemon.current().targets))
        while not (fired := await history()):
            await admin.execute("select pg_catalog.pg_sleep(0.2)")
        await admin.execute("select setval('public.numbers', 1)")
        while (ended := await history()) == fired:
            await admin.execute("select pg_catalog.pg_sleep(0.2)")

    row = ("PgvigilSequenceExhaustion", "public.numbers", "critical")
    assert fired == [(*row, True)]
    assert ended == [(*row, False)]
