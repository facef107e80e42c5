"""A database with a journal, an owner's table, and executors that may act on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from monitor.model.action import (
    Action,
    ActionMode,
    ActionState,
    JournalEntry,
    Refusal,
    Statement,
)
from monitor.model.definition import concurrently
from monitor.model.finding import Evidence
from monitor.model.target import Credentials
from monitor.postgres.act_sessions import ActAccess
from monitor.postgres.acting import ActingOptions, ActionExecutor, Gate
from monitor.postgres.executor import Executor
from monitor.postgres.install import install
from monitor.postgres.session import Purpose, Session
from tests.servers import Cluster

Admin = psycopg.AsyncConnection[Any]
OWNER = "stage_owner"
DDL = "pgvigil_ddl"
PASSWORD = "only for tests"
NOW = datetime.now(UTC)

QUICK = ActingOptions(
    lock_timeout=timedelta(milliseconds=300),
    build_lock_timeout=timedelta(milliseconds=300),
    repair_pause=timedelta(0),
)


def always(
    entry: JournalEntry, history: Sequence[JournalEntry], now: datetime
) -> Refusal | None:
    """Let everything run."""
    del entry, history, now
    return None


@dataclass
class Stage:
    """One test's database, and what it opened."""

    cluster: Cluster
    database: str
    admin: Admin
    opened: list[ActionExecutor] = field(default_factory=list[ActionExecutor])

    @property
    def superuser(self) -> str:
        return self.cluster.conninfo(self.database)

    def credentials(self, user: str = DDL) -> Credentials:
        if user == "postgres":
            return Credentials(conninfo=self.cluster.conninfo(self.database))
        return Credentials(
            conninfo=self.cluster.conninfo(self.database, user=user, password=PASSWORD)
        )

    def executor(
        self,
        *,
        user: str = DDL,
        gate: Gate = always,
        options: ActingOptions = QUICK,
        instance: str = "stage",
    ) -> ActionExecutor:
        access = ActAccess(credentials=self.credentials(user), instance=instance)
        made: ActionExecutor = Executor(access, gate=gate, options=options)
        self.opened.append(made)
        return made

    async def run(self, statement: LiteralString, *names: str) -> None:
        identifiers = map(sql.Identifier, names)
        await self.admin.execute(sql.SQL(statement).format(*identifiers))

    async def value(self, query: LiteralString, *values: object) -> Any:
        row = await (await self.admin.execute(query, values)).fetchone()
        return row[0] if row else None

    async def oid(self, name: str, schema: str = "public") -> int:
        query = (
            "select c.oid from pg_class as c join pg_namespace as n "
            "on n.oid = c.relnamespace where n.nspname = %s and c.relname = %s"
        )
        return await self.value(query, schema, name)

    async def is_valid(self, oid: int) -> bool | None:
        return await self.value(
            "select indisvalid from pg_index where indexrelid = %s", oid
        )

    async def state(self, entry: JournalEntry | Refusal) -> ActionState:
        assert isinstance(entry, JournalEntry)
        query = "select state from monitoring.actions where id = %s"
        return ActionState(await self.value(query, entry.id))

    async def table_action(
        self, kind: str, template: LiteralString, name: str = "orders"
    ) -> Action:
        return self._action(
            kind, name, await self.oid(name), Statement(template, (("public", name),))
        )

    async def drop(
        self, name: str, *, kind: str = "drop_index", **changes: Any
    ) -> Action:
        oid = await self.oid(name)
        definition = await self.value("select pg_get_indexdef(%s)", oid)
        known: dict[str, Any] = {
            "definition": definition,
            "undo": Statement(stored=concurrently(definition)),
        }
        statement = Statement("drop index concurrently {}", (("public", name),))
        return self._action(kind, name, oid, statement, **(known | changes))

    async def create(self, name: str, *columns: str, table: str = "orders") -> Action:
        keys = ", ".join("{}" for _ in columns)
        template = "create index concurrently {} on {} (" + keys + ")"
        paths = ((name,), ("public", table), *((column,) for column in columns))
        undo = Statement("drop index concurrently {}", (("public", name),))
        return self._action(
            "create_index",
            name,
            await self.oid(table),
            Statement(template, paths),
            undo=undo,
        )

    def _action(
        self, kind: str, name: str, oid: int, statement: Statement, **changes: Any
    ) -> Action:
        known: dict[str, Any] = {
            "kind": kind,
            "target": "stage",
            "database": self.database,
            "schema": "public",
            "name": name,
            "oid": oid,
            "statement": statement,
            "undo": None,
            "lock": "ShareUpdateExclusiveLock",
            "reason": "because",
            "evidence": (Evidence("rows", 5, "rows", timedelta(minutes=5)),),
        }
        return Action(**(known | changes))


async def perform(executor: ActionExecutor, action: Action) -> JournalEntry:
    """Propose and run one action; return where it got."""
    proposed = await executor.propose(action, ActionMode.AUTO)
    assert isinstance(proposed, JournalEntry), proposed
    moved = await executor.run_due(NOW)
    found = [entry for entry in moved if entry.id == proposed.id]
    assert found, (moved, executor.problem)
    return found[-1]


async def prepare(stage: Stage) -> None:
    """Create roles, journal and a table of 10,000 rows with two indexes."""
    roles: tuple[tuple[str, LiteralString], ...] = (
        (OWNER, "nologin"),
        (DDL, "login noinherit"),
    )
    for role, options in roles:
        exists = await stage.value("select 1 from pg_roles where rolname = %s", role)
        if not exists:
            await stage.run("create role {}", role)
        command = sql.SQL(
            "alter role {} {} nosuperuser password {} connection limit -1"
        )
        await stage.admin.execute(
            command.format(
                sql.Identifier(role), sql.SQL(options), sql.Literal(PASSWORD)
            )
        )
    await stage.run("grant {} to {}", OWNER, DDL)
    session = await Session.open(
        stage.credentials("postgres"), purpose=Purpose.ACT, instance="stage"
    )
    await install(session)
    await session.close()
    await stage.run("grant usage, create on schema public to {}", OWNER)
    await stage.run("set role {}", OWNER)
    await stage.run(
        "create table public.orders as select n as id, n % 7 as customer_id, "
        "n as spare from generate_series(1, 10000) as n"
    )
    await stage.run("create index orders_customer_idx on public.orders (customer_id)")
    await stage.run("create index orders_spare_idx on public.orders (spare)")
    await stage.run("reset role")
