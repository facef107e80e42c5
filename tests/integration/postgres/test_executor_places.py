"""Where an executor may act: on primaries, without poolers, in any database."""

import secrets
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from monitor.model.action import ActionMode, ActionState, JournalEntry, Refusal
from monitor.model.target import Credentials
from monitor.postgres.act_sessions import ActAccess
from monitor.postgres.executor import Executor
from tests.integration.postgres.stage import (
    NOW,
    OWNER,
    QUICK,
    Stage,
    always,
    perform,
)
from tests.poolers import pgbouncer
from tests.servers import Cluster
from tests.standby import pair


@pytest.fixture
async def elsewhere(
    cluster: Cluster, admin: psycopg.AsyncConnection[TupleRow]
) -> AsyncIterator[Stage]:
    """Another database of the same server, with the same table in it."""
    name = f"test_{secrets.token_hex(6)}"
    identifier = sql.Identifier(name)
    await admin.execute(sql.SQL("create database {}").format(identifier))
    async with await psycopg.AsyncConnection.connect(
        cluster.conninfo(name), autocommit=True
    ) as connection:
        made = Stage(cluster, name, connection)
        await made.run("create table public.orders as select 1 as id, 2 as spare")
        await made.run("create index orders_spare_idx on public.orders (spare)")
        await made.run("alter table public.orders owner to {}", OWNER)
        await made.run("grant usage, create on schema public to {}", OWNER)
        yield made
    await admin.execute(sql.SQL("drop database {} with (force)").format(identifier))


@pytest.mark.promise(12)
@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_behind_a_pooler_nothing_is_done(stage: Stage, mode: str) -> None:
    action = await stage.drop("orders_spare_idx")
    with pgbouncer(stage.credentials().conninfo, mode) as pooler:
        access = ActAccess(credentials=Credentials(conninfo=pooler.conninfo))
        executor = Executor(access, gate=always, options=QUICK)
        refused = await executor.propose(action, ActionMode.AUTO)
        await executor.close()

    assert isinstance(refused, Refusal)
    assert refused.rule == "pooler"
    assert await stage.is_valid(action.oid)


@pytest.mark.promise(12)
async def test_on_a_standby_nothing_is_done(stage: Stage) -> None:
    action = await stage.drop("orders_spare_idx")
    with pair(18) as servers:
        credentials = Credentials(conninfo=servers.standby_conninfo)
        executor = Executor(
            ActAccess(credentials=credentials), gate=always, options=QUICK
        )
        refused = await executor.propose(action, ActionMode.AUTO)
        await executor.close()

    assert isinstance(refused, Refusal)
    assert refused.rule in {"no_journal", "standby"}


async def test_an_action_in_another_database_is_journaled_in_the_control_one(
    stage: Stage, elsewhere: Stage
) -> None:
    executor = stage.executor()
    action = await elsewhere.drop("orders_spare_idx")

    done = await perform(executor, action)
    undone = await executor.undo(done.id, "ann")

    assert done.state is ActionState.DONE, done.detail
    assert done.action.database == elsewhere.database
    assert undone.state is ActionState.UNDONE, undone.detail
    assert await elsewhere.oid("orders_spare_idx")


async def test_the_lead_is_kept_while_another_connection_acts(
    stage: Stage, elsewhere: Stage
) -> None:
    executor = stage.executor()
    await perform(executor, await elsewhere.drop("orders_spare_idx"))

    count = await stage.value(
        "select count(*) from pg_stat_activity "
        "where application_name = 'pgvigil/stage/act'"
    )

    assert count == 1


async def test_a_database_that_is_gone_stops_the_round_and_nothing_else(
    stage: Stage, elsewhere: Stage
) -> None:
    executor = stage.executor()
    proposed = await executor.propose(
        await elsewhere.drop("orders_spare_idx"), ActionMode.AUTO
    )
    assert isinstance(proposed, JournalEntry)
    name = sql.Identifier(elsewhere.database)
    command = sql.SQL("alter database {} with allow_connections {}")
    await stage.admin.execute(command.format(name, sql.Literal(False)))  # noqa: FBT003

    moved = await executor.run_due(NOW)

    await stage.admin.execute(command.format(name, sql.Literal(True)))  # noqa: FBT003
    assert moved == ()
    assert "could not connect" in executor.problem
    assert await stage.state(proposed) is ActionState.PRECHECK
    assert [e.state for e in await executor.reconcile()] == [ActionState.APPROVED]


async def test_an_unreachable_server_is_a_refusal(stage: Stage) -> None:
    nowhere = Credentials(conninfo="host=127.0.0.1 port=1 connect_timeout=2")
    executor = Executor(ActAccess(credentials=nowhere), gate=always, options=QUICK)

    refused = await executor.propose(
        await stage.drop("orders_spare_idx"), ActionMode.AUTO
    )

    assert isinstance(refused, Refusal)
    assert refused.rule == "unreachable"
    assert await executor.run_due(NOW) == await executor.reconcile() == ()


@pytest.mark.pg
@pytest.mark.promise(16)
async def test_separate_roles_maintain_and_define(stage: Stage) -> None:
    maintainer = "pgvigil_maintainer"
    if not await stage.value("select 1 from pg_roles where rolname = %s", maintainer):
        await stage.run("create role {}", maintainer)
    await stage.admin.execute(
        sql.SQL("alter role {} login inherit password 'only for tests'").format(
            sql.Identifier(maintainer)
        )
    )
    await stage.run("grant {} to {}", OWNER, maintainer)
    await stage.run("grant usage on schema monitoring to {}", maintainer)
    await stage.run(
        "grant select, insert, update on monitoring.actions to {}", maintainer
    )
    access = ActAccess(
        credentials=stage.credentials(maintainer), ddl=stage.credentials()
    )
    executor = Executor(access, gate=always, options=QUICK)
    stage.opened.append(executor)

    analyzed = await perform(
        executor, await stage.table_action("analyze", "analyze (skip_locked) {}")
    )
    dropped = await perform(executor, await stage.drop("orders_spare_idx"))

    assert analyzed.state is ActionState.DONE, analyzed.detail
    assert dropped.state is ActionState.DONE, dropped.detail
