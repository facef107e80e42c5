"""A daemon that probes policies: within its connections, its hour and its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from monitor.app import once
from monitor.model.rls import Guarded, Probes
from monitor.postgres.grants import BYPASS, PROBE
from monitor.rls.overheads import with_overheads
from monitor.runtime.state_file import StateFile
from tests import daemon
from tests.integration.runtime import daemons
from tests.integration.runtime.probing import (
    SECRET,
    Admin,
    Application,
    good,
    probes,
    running,
    still_connected,
    until,
    watching,
)
from tests.servers import Cluster

pytestmark = [pytest.mark.timeout(180), pytest.mark.requirement("S3-m1")]


@pytest.fixture
async def application(
    cluster: Cluster, database: str, admin: Admin
) -> AsyncIterator[Application]:
    made = Application(cluster, database, admin)
    await made.set_up()
    async with made.traffic():
        yield made
    await made.clear()


@pytest.mark.pg
async def test_a_policys_cost_is_probed_and_void_once_the_policy_is_dropped(
    application: Application, tmp_path: Path
) -> None:
    settings = application.settings(tmp_path, **application.rls())

    async with running(settings) as assembly:
        await until(lambda: good(assembly) and probes(assembly).overheads)
        (cost,) = good(assembly)
        await until(lambda: probes(assembly).estimates[0].seconds_total)
        (estimate,) = probes(assembly).estimates
        await until(lambda: True in probes(assembly).confirmed.values())
        await application.execute("drop policy seen on public.notes")
        await until(lambda: not probes(assembly).unit_costs)
        after = probes(assembly)

    assert (cost.table.relname, cost.persona) == ("notes", "alice")
    assert cost.per_row is not None
    assert 1e-8 < cost.per_row < 1e-4
    assert estimate.share == 1.0
    assert after.overheads == ()


async def test_a_changed_policy_is_probed_anew(
    application: Application, tmp_path: Path
) -> None:
    settings = application.settings(tmp_path, **application.rls())

    async with running(settings) as assembly:
        await until(lambda: good(assembly))
        (before,) = good(assembly)
        await application.execute("alter policy seen on public.notes using (id > 0)")
        await until(
            lambda: any(
                cost.policy_set != before.policy_set
                for cost in probes(assembly).unit_costs
            )
        )

        assert before not in probes(assembly).unit_costs


async def test_connections_stay_within_the_budget_and_none_is_left(
    application: Application, admin: Admin, tmp_path: Path
) -> None:
    settings = application.settings(tmp_path, **application.rls())

    async with watching(admin) as seen, running(settings) as assembly:
        await until(lambda: probes(assembly).rounds_total >= 4)

    assert {PROBE, BYPASS} < seen.logins
    assert seen.most <= 4
    assert await still_connected(admin) == []


async def test_nothing_is_probed_without_personas(
    application: Application, admin: Admin, tmp_path: Path
) -> None:
    logins = {name: application.rls()[name] for name in ("probe", "bypass")}
    settings = application.settings(tmp_path, **logins)

    async with watching(admin) as seen, running(settings) as assembly:
        await until(lambda: assembly.daemon.current().targets)
        await until(lambda: probes(assembly).estimates)
        await asyncio.sleep(3)
        found = probes(assembly)

    assert seen.looks > 10
    assert seen.logins.isdisjoint({PROBE, BYPASS})
    assert found.rounds_total == 0
    assert [e.reason for e in found.estimates] == ["no probe of a role that reads it"]


@pytest.mark.pg
async def test_probes_leave_no_crowd_in_pg_stat_statements(
    application: Application, admin: Admin, tmp_path: Path
) -> None:
    await admin.execute("create extension if not exists pg_stat_statements")
    settings = application.settings(tmp_path, **application.rls())

    async with running(settings) as assembly:
        await until(lambda: probes(assembly).rounds_total >= 6)
    cursor = await admin.execute(
        "select count(*) from pg_stat_statements as s"
        " join pg_catalog.pg_database as d on d.oid = s.dbid"
        " where d.datname = current_database()"
        " and s.query like '%public%notes%' and s.query like 'explain (analyze%'"
    )
    row = await cursor.fetchone()

    # Two roles and two ways to sample, however many samples there were.
    assert row is not None
    assert 2 <= row[0] <= 4


async def test_a_single_look_probes_nothing(
    application: Application, admin: Admin, tmp_path: Path
) -> None:
    settings = application.settings(tmp_path, **application.rls())

    async with watching(admin) as seen:
        state = await once(settings, seconds=4)

    (target,) = state.targets
    assert target.view is not None
    assert target.view.probes.rounds_total == 0
    assert seen.logins.isdisjoint({PROBE, BYPASS})


async def test_figures_outlive_the_daemon_and_claims_are_kept_nowhere(
    application: Application, tmp_path: Path
) -> None:
    settings = application.settings(tmp_path, **application.rls())
    rarely = application.settings(tmp_path, **application.rls(interval="1h"))
    first = StateFile.open(tmp_path, datetime.now(UTC))
    async with running(settings, first) as assembly:
        await until(lambda: good(assembly))
        (before,) = good(assembly)
    kept = (tmp_path / "state.sqlite3").read_bytes()

    second = StateFile.open(tmp_path, datetime.now(UTC))
    async with running(rarely, second) as assembly:
        await until(lambda: good(assembly))
        (after,) = good(assembly)
        spent = probes(assembly).seconds_this_hour

    assert (after.table, after.policy_set) == (before.table, before.policy_set)
    assert after.at >= before.at
    assert spent > 0
    assert SECRET.encode() not in kept
    assert SECRET not in repr(settings.to_targets())


async def test_an_hours_allowance_ends_probing(
    application: Application, tmp_path: Path
) -> None:
    rls = application.rls(seconds_per_hour=0.3)

    async with running(application.settings(tmp_path, **rls)) as assembly:
        await until(lambda: "of this hour are spent" in probes(assembly).paused)
        spent = probes(assembly)
        await asyncio.sleep(3)
        later = probes(assembly)

    assert spent.rounds_total > 0
    assert later.rounds_total == spent.rounds_total
    assert later.seconds_this_hour < 0.5


async def test_nothing_is_probed_while_somebody_acts(
    application: Application, admin: Admin, tmp_path: Path
) -> None:
    settings = application.settings(tmp_path, **application.rls())

    async with running(settings) as assembly:
        await until(lambda: probes(assembly).rounds_total)
        async with assembly.daemon.watches["orders"].caretaker.stepping_aside():
            await until(lambda: probes(assembly).paused == "an action runs")
            before = probes(assembly).rounds_total
            async with watching(admin) as seen:
                await asyncio.sleep(3)
            after = probes(assembly).rounds_total
        await until(lambda: probes(assembly).rounds_total > after)

    assert before == after
    assert seen.logins.isdisjoint({PROBE, BYPASS})


async def test_acting_and_probing_take_turns(
    application: Application, conninfo: str, admin: Admin, tmp_path: Path
) -> None:
    await daemons.install_monitoring(conninfo)
    target = application.target(**application.rls(interval="20s", seconds_per_hour=600))
    settings = daemons.settings_for(
        "",
        tmp_path,
        targets=[target],
        maintenance={"mode": "approve", "allow_superuser_actions": True},
    )

    async with watching(admin) as seen, daemons.running(settings) as assembly:
        await until(lambda: "act" in seen.purposes)
        rounds = probes(assembly).rounds_total
        await until(lambda: probes(assembly).rounds_total > rounds + 2)
        seen.purposes.clear()
        await until(lambda: {"act", "probe"} <= seen.purposes)
        error = assembly.daemon.watches["orders"].caretaker.error

    assert not seen.has_overlap
    assert error == ""


async def test_an_exclusive_lock_holds_probes_up(
    application: Application, conninfo: str, tmp_path: Path
) -> None:
    await application.execute("create table public.elsewhere ()")
    settings = application.settings(tmp_path, **application.rls())

    async with running(settings) as assembly:
        await until(lambda: probes(assembly).rounds_total)
        async with await psycopg.AsyncConnection.connect(conninfo) as other:
            await other.execute("lock table public.elsewhere")
            await until(lambda: "exclusive lock" in probes(assembly).paused)
            held = probes(assembly).rounds_total
        await until(lambda: probes(assembly).rounds_total > held)

        assert probes(assembly).paused == ""


async def test_an_operators_pause_holds_probes_up(
    application: Application, tmp_path: Path
) -> None:
    settings = application.settings(tmp_path, **application.rls())

    async with running(settings) as assembly:
        await until(lambda: probes(assembly).rounds_total)
        assembly.daemon.board.standing.is_paused = True
        await until(lambda: "an operator has paused" in probes(assembly).paused)
        assembly.daemon.board.standing.is_paused = False
        await until(lambda: probes(assembly).paused == "")

        assert probes(assembly).failures_total == 0


async def test_logins_that_are_refused_pause_probes_and_nothing_else(
    application: Application, tmp_path: Path
) -> None:
    wrong = {"user": PROBE, "password": "not the password"}
    rls = application.rls(probe=wrong, bypass_role="")

    async with running(application.settings(tmp_path, **rls)) as assembly:
        await until(lambda: probes(assembly).paused)
        await until(lambda: probes(assembly).failures_total)
        found = probes(assembly)
        is_up = assembly.daemon.watches["orders"].loop.up

    assert is_up
    assert found.seconds_total == 0
    assert "not the password" not in repr(found)


async def test_a_reload_of_what_is_probed_leaves_the_rest_alone(
    application: Application, tmp_path: Path
) -> None:
    before = application.settings(tmp_path, **application.rls())
    after = application.settings(tmp_path, **application.rls(pairs=5))
    none = application.settings(tmp_path)

    async with running(before) as assembly:
        await until(lambda: good(assembly))
        watch = assembly.daemon.watches["orders"]
        await assembly.reload(lambda: after)
        await until(lambda: any(cost.pairs == 5 for cost in good(assembly)))
        kept = assembly.daemon.watches["orders"]
        await assembly.reload(lambda: none)
        await until(
            lambda: (
                probes(assembly)
                == replace(Probes(), estimates=probes(assembly).estimates)
            )
        )

        assert assembly.daemon.watches["orders"] is kept is watch


async def test_a_running_daemon_shows_costs_and_keeps_claims_to_itself(
    application: Application, tmp_path: Path
) -> None:
    target = application.target(**application.rls())
    settings = {"targets": [target], "instance": "test"}

    def look() -> tuple[str, str, int]:
        with daemon.running(tmp_path, settings) as running_daemon:
            name = "pgvigil_rls_policy_row_cost_seconds"
            daemon.wait_until(
                lambda: running_daemon.value(name, persona="alice") is not None,
                seconds=90,
            )
            shown = running_daemon.get("/api/v1/rls") + running_daemon.get("/metrics")
            status = running_daemon.stop()
        return shown.decode(), running_daemon.log.read_text(), status

    shown, logged, status = await asyncio.to_thread(look)

    assert status == 0
    assert '"persona":"alice"' in shown.replace(": ", ":")
    assert SECRET not in shown + logged
    assert "Traceback" not in logged


@pytest.mark.requirement("S9.3.1-e")
async def test_operators_see_in_sql_whether_the_target_is_met(
    conninfo: str, admin: Admin, tmp_path: Path
) -> None:
    await daemons.install_monitoring(conninfo)
    notes = Guarded(
        database="app", relid=1, schemaname="public", relname="notes", role="user"
    )
    cheap = Probes(overheads=(with_overheads(None, notes, [0.004] * 20),))
    found: list[tuple[object, ...]] = []

    async with daemons.running(daemons.settings_for(conninfo, tmp_path)) as assembly:
        await until(lambda: assembly.daemon.current().targets)
        assembly.daemon.watches["orders"].loop.memory.probes = cheap
        while not found:
            cursor = await admin.execute(
                "select status, current_value"
                " from monitoring.validate_performance_targets()"
                " where metric_name = 'rls_policy_performance'"
                " and status <> 'NO_DATA'"
            )
            found = await cursor.fetchall()
            await asyncio.sleep(0.1)

    assert found == [("PASS", 4)]


async def test_a_rewrite_of_a_policy_is_proven_and_timed_in_its_turn(
    application: Application, tmp_path: Path
) -> None:
    settings = application.settings(tmp_path, **application.rls())
    await application.execute(
        "alter policy seen on public.notes using (public.may_see(id)"
        " and current_setting('request.jwt.claims', true) <> '')"
    )

    async with running(settings) as assembly:
        await until(lambda: probes(assembly).savings)
        (saving,) = probes(assembly).savings

    assert (saving.policy_name, saving.rule) == ("seen", "wrap_calls")
    assert (saving.differing_rows, saving.compared_rows) == (0, 5000)
    assert saving.now_seconds
