"""Makes the shipped views and functions, again when their text or the server changed.

All in one transaction. A view is replaced in place where that is possible, so that
grants and other views that rest on it stay; only where its columns changed are all
of ours dropped and made again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from monitor.errors import MigrationError
from monitor.model import repeatable
from monitor.model.repeatable import Made, Repeatable, Scope
from monitor.postgres.access import ACCESS
from monitor.postgres.migration_files import load_all_views
from monitor.postgres.script_runner import Patience, ScriptRunner
from monitor.postgres.session import Session

DEFINITION: LiteralString = """\
create table monitoring.repeatables (
    name text primary key,
    kind text not null check (kind in ('view', 'function')),
    checksum text not null,
    server_major integer not null,
    made_at timestamptz not null default pg_catalog.now()
);
comment on table monitoring.repeatables is
    'Views and functions of pgvigil in this database, and the texts they are of.';
"""
RECORD: LiteralString = """\
insert into monitoring.repeatables (name, kind, checksum, server_major)
values ({name}, {kind}, {checksum}, {major})
on conflict (name) do update set
    kind = excluded.kind,
    checksum = excluded.checksum,
    server_major = excluded.server_major,
    made_at = excluded.made_at;
"""


# Other columns, other arguments or another kind of object.
_CANNOT_REPLACE = (
    psycopg.errors.InvalidTableDefinition,
    psycopg.errors.InvalidFunctionDefinition,
    psycopg.errors.WrongObjectType,
)


@dataclass(frozen=True, slots=True)
class Change:
    """The names of views and functions that were made or dropped."""

    made: tuple[str, ...]
    dropped: tuple[str, ...]


class Views:
    """The views and functions of one database; its schema `monitoring` exists."""

    def __init__(
        self,
        session: Session,
        scope: Scope,
        *,
        patience: Patience | None = None,
        asked_for: Collection[str] = (),
    ) -> None:
        self._runner = ScriptRunner(session, patience)
        self._connection = session.connection
        self._major = session.connection.info.server_version // 10000
        self._asked_for = asked_for
        self._wanted = load_all_views(major=self._major, scope=scope)

    async def make(self) -> Change:
        """Make what is missing or changed, drop what is no longer shipped.

        Privileges in the schema are set, too.

        Raises:
            MigrationError: a file failed, or something else rests on a view that
                has to be dropped; nothing is changed then.
        """
        return await self._runner.in_turn(
            "views",
            lambda: self._runner.in_transaction(self._make, what="make the views"),
        )

    async def drop_all(self) -> None:
        """Drop every view and function in the current transaction, and the records.

        Raises:
            MigrationError: something else rests on one of them.
        """
        made = {m.name for m in await self._made()}
        ours = [r.name for r in reversed(self._wanted)]
        await self._drop([*made.difference(ours), *ours])
        await self._connection.execute("drop table monitoring.repeatables")

    async def _make(self) -> Change:
        made = await self._made()
        wanted = repeatable.chosen(self._wanted, made, self._asked_for)
        stale = repeatable.stale(wanted, made, major=self._major)
        gone = repeatable.dropped(wanted, made)
        await self._drop([m.name for m in gone])
        if stale and not await self._replaced(stale):
            await self._drop([r.name for r in reversed(wanted)])
            stale = wanted
            await self._create(stale)
        await self._connection.execute(ACCESS)
        return Change(tuple(r.name for r in stale), tuple(m.name for m in gone))

    async def _made(self) -> tuple[Made, ...]:
        cursor = await self._connection.execute(
            "select pg_catalog.to_regclass('monitoring.repeatables')::text"
        )
        if await cursor.fetchone() == (None,):
            await self._connection.execute(DEFINITION)
        async with self._connection.cursor(row_factory=class_row(Made)) as rows:
            await rows.execute(
                "select name, kind, checksum, server_major from monitoring.repeatables"
            )
            return tuple(await rows.fetchall())

    async def _replaced(self, stale: tuple[Repeatable, ...]) -> bool:
        """Say whether all could be replaced in place; if not, none was."""
        has_overloads = False
        try:
            async with self._connection.transaction():
                await self._create(stale)
                has_overloads = await self._has_overloads()
                if has_overloads:
                    raise psycopg.Rollback
        except MigrationError as error:
            if isinstance(error.__cause__, _CANNOT_REPLACE):
                return False
            raise
        return not has_overloads

    async def _create(self, repeatables: tuple[Repeatable, ...]) -> None:
        for item in repeatables:
            await self._runner.run(f"views/{item.name}.sql", item.sql)
            await self._connection.execute(record(item, self._major))

    async def _has_overloads(self) -> bool:
        """Say whether a function exists twice: with its former arguments, too."""
        cursor = await self._connection.execute(
            """
            select
            from pg_catalog.pg_proc as p
            join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
            where n.nspname = 'monitoring' and p.proname = any(%s)
            group by p.proname
            having pg_catalog.count(*) > 1
            """,
            [[item.name for item in self._wanted]],
        )
        return await cursor.fetchone() is not None

    async def _drop(self, names: list[str]) -> None:
        try:
            for name in names:
                await self._drop_one(name)
        except psycopg.errors.DependentObjectsStillExist as error:
            raise MigrationError(
                "could not drop a view because something else rests on it",
                detail=error.diag.message_detail or "",
                hint="Drop that first and make it again afterwards.",
            ) from error

    async def _drop_one(self, name: str) -> None:
        cursor = await self._connection.execute(
            """
            select pg_catalog.format('drop function %%s', p.oid::regprocedure)
            from pg_catalog.pg_proc as p
            join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
            where n.nspname = 'monitoring' and p.proname = %(name)s
            union all
            select pg_catalog.format('drop view %%s', c.oid::regclass)
            from pg_catalog.pg_class as c
            join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
            where
                n.nspname = 'monitoring'
                and c.relname = %(name)s
                and c.relkind = 'v'
            """,
            {"name": name},
        )
        for (statement,) in await cursor.fetchall():
            # Rendered by the server: it knows the function's arguments.
            await self._connection.execute(str(statement).encode())
        await self._connection.execute(
            "delete from monitoring.repeatables where name = %s", [name]
        )


def record(item: Repeatable, major: int) -> sql.Composed:
    """Return the statement that records what was made."""
    return sql.SQL(RECORD).format(
        name=sql.Literal(item.name),
        kind=sql.Literal(item.kind),
        checksum=sql.Literal(item.checksum),
        major=sql.Literal(major),
    )
