"""A daemon that acts: by an operator's word, alone on its server, never by accident."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor import app
from monitor.assembly import Assembly
from monitor.model.action import ActionState, JournalEntry
from tests.companions import free_port
from tests.integration.runtime.daemons import (
    install_monitoring,
    running,
    serving,
    settings_for,
)
from tests.integration.runtime.loops import until

Admin = psycopg.AsyncConnection[TupleRow]

TOKEN = "only for tests"
OPERATE = {"Authorization": f"Bearer {TOKEN}"}
FOREIGN_KEY = """
create table public.customers (id int primary key);
insert into public.customers select generate_series(1, 200);
create table public.orders (
    id int primary key, customer_id int references public.customers
);
insert into public.orders select n, n % 100 + 1 from generate_series(1, 150000) as n;
delete from public.customers where id > 195;
update public.customers set id = id + 1000 where id > 150;
"""
INDEXES = """
select count(*) from pg_catalog.pg_index
where indrelid = 'public.orders'::regclass and not indisprimary and indisvalid
"""
ACTORS = """
select count(*) from pg_catalog.pg_locks
where locktype = 'advisory' and classid = 1885828713 and granted
"""
ACT_CONNECTIONS = """
select count(*) from pg_catalog.pg_stat_activity
where application_name like 'pgvigil/%/act' and datname = current_database()
"""


def maintenance(mode: str, *kinds: str) -> dict[str, object]:
    """Return settings in which only these kinds have this mode, at any time."""
    every = dict.fromkeys(
        ("analyze", "vacuum", "create_index", "drop_index", "drop_invalid_index"), "off"
    )
    return {
        "mode": "off",
        "modes": every | dict.fromkeys(kinds, mode),
        "schedule": "* * * * *",
        "allow_superuser_actions": True,
    }


async def value(admin: Admin, query: str) -> Any:
    row = await (await admin.execute(query.encode())).fetchone()
    return row[0] if row else None


async def prepare(admin: Admin, conninfo: str) -> None:
    await admin.execute("create extension if not exists pg_stat_statements")
    for statement in FOREIGN_KEY.split(";"):
        await admin.execute(statement.encode())
    await admin.execute("analyze public.orders")
    await admin.execute("select pg_catalog.pg_stat_force_next_flush()")
    await install_monitoring(conninfo)


def entries(assembly: Assembly) -> tuple[JournalEntry, ...]:
    targets = assembly.daemon.current().targets
    return targets[0].actions if targets else ()


def states(assembly: Assembly) -> list[ActionState]:
    return [entry.state for entry in entries(assembly)]


@pytest.mark.promise(12)
@pytest.mark.timeout(120)
async def test_an_approved_index_is_built_and_can_be_taken_back(
    conninfo: str, admin: Admin, tmp_path: Path
) -> None:
    await prepare(admin, conninfo)
    settings = settings_for(
        conninfo,
        tmp_path,
        maintenance=maintenance("approve", "create_index"),
        http={"listen": f"127.0.0.1:{free_port()}", "token": TOKEN},
    )
    async with (
        running(settings) as assembly,
        serving(assembly, settings, lambda: settings) as url,
        aiohttp.ClientSession(url, headers=OPERATE) as http,
    ):

        async def post(verb: str) -> int:
            path = f"/api/v1/actions/{number}/{verb}"
            async with http.post(path, json={"by": "ann"}) as response:
                return response.status

        await until(
            lambda: ActionState.AWAITING_APPROVAL in states(assembly), seconds=40
        )
        (entry,) = entries(assembly)
        number = entry.id
        before = await value(admin, INDEXES)
        approved = await post("approve")
        await until(lambda: states(assembly) == [ActionState.DONE], seconds=40)
        built = await value(admin, INDEXES)
        again = await post("approve")
        undone = await post("undo")
        after = await value(admin, INDEXES)

    assert (approved, again, undone) == (200, 409, 200)
    assert (before, built, after) == (0, 1, 0)


@pytest.mark.promise(12)
@pytest.mark.timeout(120)
async def test_of_two_daemons_one_acts(
    conninfo: str, admin: Admin, tmp_path: Path
) -> None:
    await prepare(admin, conninfo)
    first, second = (
        settings_for(
            conninfo,
            tmp_path / name,
            instance=name,
            maintenance=maintenance("auto", "create_index"),
        )
        for name in ("first", "second")
    )
    actors: list[int] = []
    async with running(first) as one, running(second) as other:
        for _ in range(400):
            actors.append(await value(admin, ACTORS))
            if ActionState.DONE in {*states(one), *states(other)}:
                break
            await asyncio.sleep(0.1)
        problems = [
            refusal.rule
            for assembly in (one, other)
            for target in assembly.daemon.current().targets
            for refusal in target.refusals
        ]

        done = [*states(one), *states(other)]

    assert max(actors) == 1
    assert done.count(ActionState.DONE) == 1
    assert "not_leader" in problems
    assert await value(admin, INDEXES) == 1
    assert await value(admin, "select count(*) from monitoring.actions") == 1


async def test_dry_run_reports_without_a_connection_to_act(
    conninfo: str, admin: Admin, tmp_path: Path
) -> None:
    await prepare(admin, conninfo)
    settings = settings_for(
        conninfo, tmp_path, maintenance=maintenance("dry_run", "create_index")
    )
    acting: list[int] = []
    async with running(settings) as assembly:
        for _ in range(300):
            acting.append(await value(admin, ACT_CONNECTIONS))
            if states(assembly):
                break
            await asyncio.sleep(0.1)

        reported = states(assembly)

    assert reported == [ActionState.REPORTED]
    assert max(acting) == 0
    assert await value(admin, "select count(*) from monitoring.actions") == 0


@pytest.mark.timeout(120)
async def test_once_neither_acts_nor_writes_whatever_is_allowed(
    conninfo: str, admin: Admin, tmp_path: Path
) -> None:
    await prepare(admin, conninfo)
    settings = settings_for(
        conninfo, tmp_path, maintenance=maintenance("auto", "create_index")
    )

    state = await app.once(settings, seconds=20)

    assert [e.state for e in state.targets[0].actions] == [ActionState.REPORTED]
    assert await value(admin, "select count(*) from monitoring.actions") == 0
    assert await value(admin, "select count(*) from monitoring.findings") == 0
    assert await value(admin, INDEXES) == 0
