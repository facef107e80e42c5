"""Whatever things are called: they are watched and exported, and acted on alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from monitor.model.action import ActionState
from monitor.model.target import Credentials
from monitor.model.text import clean_text
from monitor.runtime.evaluate import Evaluator
from monitor.runtime.rules import discover
from monitor.runtime.target_loop import TargetLoop
from monitor.runtime.thresholds import ThresholdBook
from tests import servers
from tests.integration.postgres.stage import OWNER, Stage, perform, prepare
from tests.integration.runtime.loops import running, target_for, until
from tests.integration.runtime.test_target_loop import has_settled
from tests.servers import Cluster
from tests.unit.exporters.example import openmetrics_samples, samples

Admin = psycopg.AsyncConnection[Any]

NAMES = [
    "it's; drop table orders; --",
    'a "quoted" b',
    "two\nlines\r",
    "100%s %(x)s %% %",
    "<script>alert('x')</script>",
    "{} {0} {x!r} ${y}",
    "\\back\\slash\\'",
    "\u202ereversed\u202c\x01\x1b[31m",
    "é" * 31 + "x",
    "$1",
    " ",
]


@pytest.fixture
async def stage(cluster: Cluster, database: str, admin: Admin) -> AsyncIterator[Stage]:
    made = Stage(cluster, database, admin)
    await servers.create_reader(admin)
    await prepare(made)
    yield made
    for executor in made.opened:
        await executor.close()


async def furnish(stage: Stage, name: str) -> None:
    """Create a schema, a table, columns, indexes and a policy, all of one name."""
    await stage.run("create schema {} authorization {}", name, OWNER)
    await stage.run("set role {}", OWNER)
    await stage.run("create table {}.{} (id serial primary key, {} int)", *[name] * 3)
    await stage.run("insert into {}.{} ({}) select 1", *[name] * 3)
    await stage.run("create index {} on {}.{} ({})", f"{name[:10]}_i", *[name] * 3)
    await stage.run("create policy {} on {}.{} using ({} > 0)", *[name] * 4)
    await stage.run("alter table {}.{} enable row level security", name, name)
    await stage.run("create table public.{} (id int, {} int)", name, name)
    await stage.run("create index {} on public.{} ({})", f"{name[:10]}_j", name, name)
    await stage.run("reset role")


def exported(loop: TargetLoop) -> set[str]:
    """Return every label value of the page, which is the same in both formats."""
    page = loop.exporter.render(loop.memory.sheets())
    assert page.failed == {}
    plain, openmetrics = (read(page) for read in (samples, openmetrics_samples))
    assert plain.keys() == openmetrics.keys()
    return {value for _, labels in plain for _, value in labels}


def judge(loop: TargetLoop) -> dict[str, str]:
    """Run every rule; return those that failed."""
    assert loop.roster.server is not None
    view = loop.memory.view(loop.roster.server, datetime.now(UTC))
    rules = discover()
    return dict(
        Evaluator(ThresholdBook(rules, {}), rules).run(view, frozenset()).failed
    )


@pytest.mark.pg
@pytest.mark.promise(13)
@pytest.mark.promise(15)
async def test_hostile_names_reach_the_page_and_break_nothing(stage: Stage) -> None:
    for name in NAMES:
        await furnish(stage, name)
    reader = servers.reader_credentials(stage.cluster, stage.database)

    async with running(target_for(reader, profile="everything")) as loop:
        await until(lambda: has_settled(loop))
        await until(lambda: {*map(clean_text, NAMES)} <= exported(loop))

        assert {s.name: s.error for s in loop.roster.statuses if s.error} == {}
        assert judge(loop) == {}


@pytest.mark.pg
@pytest.mark.promise(15)
async def test_a_database_and_a_role_of_any_name_are_watched(
    cluster: Cluster, admin: Admin
) -> None:
    await servers.create_reader(admin)
    for name in NAMES:
        await admin.execute(
            sql.SQL("drop database if exists {}").format(sql.Identifier(name))
        )
        for statement in ("create database {}", "create role {}"):
            await admin.execute(sql.SQL(statement).format(sql.Identifier(name)))
    conninfo = cluster.conninfo(
        NAMES[0], user=servers.READER, password=servers.READER_PASSWORD
    )
    try:
        async with running(target_for(Credentials(conninfo=conninfo))) as loop:
            await until(lambda: loop.up)
            await until(lambda: len(loop.roster.databases) > len(NAMES))
            await until(lambda: {*map(clean_text, NAMES)} <= exported(loop))
            errors = {(s.datname, s.error) for s in loop.roster.statuses if s.error}
    finally:
        for name in NAMES:
            for statement in ("drop database {} with (force)", "drop role {}"):
                await admin.execute(sql.SQL(statement).format(sql.Identifier(name)))

    assert errors == set()


@pytest.mark.pg
@pytest.mark.promise(15)
async def test_actions_hit_what_they_name_and_nothing_else(stage: Stage) -> None:
    executor = stage.executor()
    for name in NAMES:
        await furnish(stage, name)
        before = await stage.value("select count(*) from pg_class")

        analyzed = await perform(
            executor, await stage.table_action("analyze", "analyze {}", name)
        )
        index = f"{name[:10]}_j"
        dropped = await perform(executor, await stage.drop(index))
        undone = await executor.undo(dropped.id, "ann")

        states = (analyzed.state, dropped.state, undone.state)
        assert states == (ActionState.DONE, ActionState.DONE, ActionState.UNDONE), name
        assert await stage.is_valid(await stage.oid(index))
        assert await stage.value("select count(*) from pg_class") == before


@pytest.mark.promise(15)
async def test_a_name_that_looks_like_another_does_not_lead_there(
    stage: Stage,
) -> None:
    await stage.run("set role {}", OWNER)
    look_alike = "orders_spare_idx\u202c"
    await stage.run("create index {} on public.orders (id)", look_alike)
    await stage.run("reset role")
    victim = await stage.oid("orders_spare_idx")
    planned = await stage.drop(look_alike)
    seen = clean_text(look_alike)
    shown = await stage.drop("orders_spare_idx")
    mistaken = replace(shown, oid=planned.oid)

    entry = await perform(stage.executor(), mistaken)

    assert entry.state is ActionState.EXPIRED
    assert await stage.is_valid(victim)
    assert seen != "orders_spare_idx"
