"""The partitions of a platform, and an executor that may look after them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from monitor.checks import partition_default_rows
from monitor.maintenance import move_default_rows
from monitor.maintenance.planner import Choices, agenda
from monitor.maintenance.policy import Policy
from monitor.model.action import Action, ActionMode, JournalEntry, Refusal
from monitor.model.months import month_of, shifted
from monitor.model.rows.partitions import PartitionsRow
from monitor.model.target import Credentials, Target
from monitor.model.view import View
from monitor.postgres.act_sessions import ActAccess
from monitor.postgres.executor import Executor
from monitor.postgres.probe import probe
from tests.collecting import bench
from tests.integration.postgres.stage import DDL, PASSWORD, QUICK, always
from tests.platform import Platform, add_user
from tests.servers import Cluster

NOW = datetime.now(UTC)
MONTH = month_of(NOW.date())
LATER = NOW + timedelta(days=123)
FAR = shifted(MONTH, 8)
MESSAGES = "conversation_messages"


@dataclass
class Keeper:
    """A platform, an executor that may look after its partitions, and what it sees."""

    platform: Platform
    executor: Executor

    async def view(self, now: datetime = NOW) -> View:
        credentials = Credentials(conninfo=self.platform.admin_conninfo)
        async with bench(credentials) as at:
            rows = await at.collect("partitions")
            catalog = (await at.collect("catalog")).catalog
            assert catalog is not None
            server = await probe(at.session)
        return View(
            target=Target(name="test"),
            server=server,
            now=now,
            readings={(PartitionsRow, self.platform.database): rows.readings[0]},
            catalogs={catalog.datname: catalog},
        )

    async def plan(
        self, now: datetime = NOW, **options: object
    ) -> list[Action | Refusal]:
        policy = Policy(mode=ActionMode.AUTO)
        found = agenda(
            await self.view(now), (), Choices(policy=policy, options=options), ()
        )
        actions = [proposal.action for proposal in found.proposals]
        return [a for a in (*actions, *found.refusals) if "partition" in a.kind]

    async def perform(self, action: Action) -> JournalEntry:
        proposed = await self.executor.propose(action, ActionMode.AUTO)
        assert isinstance(proposed, JournalEntry), proposed
        moved = await self.executor.run_due(NOW)
        found = [entry for entry in moved if entry.id == proposed.id]
        assert found, (moved, self.executor.problem)
        return found[-1]

    async def value(self, query: str, *values: object) -> Any:
        return await value(self.platform.owner, query, *values)

    async def partitions(self, table: str = MESSAGES) -> set[str]:
        rows = await self.platform.owner.execute(
            "select c.relname::text from pg_inherits as i "
            "join pg_class as c on c.oid = i.inhrelid "
            "where i.inhparent = %s::regclass",
            [f"public.{table}"],
        )
        return {name for (name,) in await rows.fetchall()}


async def value(connection: Any, query: str, *values: object) -> Any:
    row = await (await connection.execute(query.encode(), values or None)).fetchone()
    return row[0] if row else None


@asynccontextmanager
async def keeping(platform: Platform, cluster: Cluster) -> AsyncGenerator[Keeper]:
    """Let the DDL role act on the platform's tables."""
    async with await psycopg.AsyncConnection.connect(
        platform.admin_conninfo, autocommit=True
    ) as admin:
        if not await value(admin, "select 1 from pg_roles where rolname = %s", DDL):
            await admin.execute(f"create role {DDL}".encode())
        await admin.execute(
            sql.SQL("alter role {} login noinherit password {}").format(
                sql.Identifier(DDL), sql.Literal(PASSWORD)
            )
        )
        await admin.execute(f"grant postgres to {DDL}".encode())
        await admin.execute(f"grant usage on schema monitoring to {DDL}".encode())
        await admin.execute(
            f"grant select, insert, update on monitoring.actions to {DDL}".encode()
        )
        conninfo = cluster.conninfo(platform.database, user=DDL, password=PASSWORD)
        access = ActAccess(credentials=Credentials(conninfo=conninfo), instance="test")
        executor = Executor(access, gate=always, options=QUICK)
        try:
            yield Keeper(platform, executor)
        finally:
            await executor.close()
            await admin.execute(f"revoke postgres from {DDL}".encode())


async def conversation(platform: Platform) -> UUID:
    user = await add_user(platform.owner, email="ann@example.org")
    return await value(
        platform.owner,
        "insert into public.conversations (user_id) values (%s) returning id",
        user,
    )


async def write(connection: Any, conversation_id: UUID, day: date, count: int) -> None:
    await connection.execute(
        "insert into public.conversation_messages "
        "(conversation_id, role, content, created_at, created_date) "
        "select %s, 'user', 'x', %s::date + interval '12 hours', %s "
        "from generate_series(1, %s)",
        [conversation_id, day, day, count],
    )


def action(kind: str, outcomes: list[Action | Refusal], table: str) -> Action:
    return next(
        outcome
        for outcome in outcomes
        if isinstance(outcome, Action) and (outcome.kind, outcome.name) == (kind, table)
    )


async def move_action(keeper: Keeper) -> Action:
    view = await keeper.view()
    key = (PartitionsRow, keeper.platform.database)
    # Statistics of what was just inserted come later.
    rows = tuple(
        replace(row, default_tuples=int(row.relname == MESSAGES))
        for row in view.rows(PartitionsRow, keeper.platform.database)
    )
    seen = replace(view, readings={key: replace(view.readings[key], rows=rows)})
    checked = partition_default_rows.Thresholds()
    (finding,) = partition_default_rows.check(seen, checked)
    found = replace(finding, check="partition_default_rows", target="test")
    options = move_default_rows.Options()
    (subject,) = move_default_rows.subjects(seen, [found], options)
    planned = move_default_rows.plan(subject, seen, options)
    assert isinstance(planned, Action), planned
    return planned


async def until(keeper: Keeper, query: str) -> None:
    """Wait until a query returns something but nothing, zero or false."""
    for _ in range(400):
        if await keeper.value(query):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits")
