"""What was applied to a database, kept in that database: schema_migrations.

Version, name, when, by whom, how long, the text that takes it back. A second table
keeps every step in either direction. Nobody but the owner has any privilege on them.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from monitor.errors import MigrationError
from monitor.model.migration import Applied, Kind, Migration

Connection = psycopg.AsyncConnection[Any]

TABLE = "schema_migrations"
LOG = "schema_migrations_log"
API_ROLES = ("anon", "authenticated", "service_role")
"""Roles that a REST gateway acts under; platforms grant them all by default."""

_COLUMNS = frozenset(
    {
        "version",
        "name",
        "applied_at",
        "rollback_sql",
        "checksum",
        "applied_by",
        "duration_ms",
        "kind",
        "server_version",
    }
)
_DEFINITION = sql.SQL(
    """
create table {table} (
    version text primary key check (version ~ '^[0-9]{{3}}([0-9]{{11}})?$'),
    name text not null,
    applied_at timestamptz not null default pg_catalog.now(),
    rollback_sql text,
    checksum text,
    applied_by text not null default session_user,
    duration_ms integer,
    kind text not null check (kind in ('transactional', 'concurrent', 'baseline')),
    server_version integer not null
);
comment on column {table}.duration_ms is
    'NULL while a non-transactional file has not been run to its end.';
comment on column {table}.rollback_sql is
    'Of a file only a copy to compare with; of a migration by SQL its way back.';
create table {log} (
    at timestamptz not null default pg_catalog.now(),
    version text not null,
    step text not null check (step in ('up', 'down', 'baseline', 'repair')),
    done_by text not null default session_user,
    checksum text
);
"""
)
_RECORD = sql.SQL(
    """
insert into {table} as t (
    version,
    name,
    rollback_sql,
    checksum,
    duration_ms,
    kind,
    server_version
)
values (
    %(version)s,
    %(name)s,
    %(rollback_sql)s,
    %(checksum)s,
    %(duration_ms)s,
    %(kind)s,
    pg_catalog.current_setting('server_version_num')::integer
)
on conflict (version) do update set
    name = excluded.name,
    applied_at = excluded.applied_at,
    rollback_sql = excluded.rollback_sql,
    checksum = excluded.checksum,
    applied_by = excluded.applied_by,
    duration_ms = excluded.duration_ms,
    kind = excluded.kind,
    server_version = excluded.server_version
"""
)
_PUBLIC_PRIVILEGES = sql.SQL(
    """
alter table {table} enable row level security;
alter table {log} enable row level security;
"""
)
_REVOKE = sql.SQL("revoke all on {table}, {log} from {roles};\n")


def definition(schema: str, api_roles: tuple[str, ...] = ()) -> sql.Composed:
    """Return the statements that create the tables in an existing schema.

    In schema public, which a REST gateway publishes, row level security is on.
    """
    names = {
        "table": sql.Identifier(schema, TABLE),
        "log": sql.Identifier(schema, LOG),
    }
    parts = [_DEFINITION.format(**names)]
    if schema == "public":
        parts.append(_PUBLIC_PRIVILEGES.format(**names))
    roles = [sql.SQL("public"), *map(sql.Identifier, api_roles)]
    parts.append(_REVOKE.format(roles=sql.SQL(", ").join(roles), **names))
    return sql.Composed(parts)


class Bookkeeping:
    """The records of one set of migrations in one database."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._names = {
            "table": sql.Identifier(schema, TABLE),
            "log": sql.Identifier(schema, LOG),
        }

    async def exist(self) -> bool:
        """Say whether the tables are there.

        Raises:
            MigrationError: a table of that name belongs to another tool.
        """
        columns = await self._columns(TABLE)
        if columns and columns != _COLUMNS:
            raise MigrationError(
                f'table "{self._schema}.{TABLE}" belongs to another tool',
                detail=f"Its columns are {', '.join(sorted(columns))}.",
                hint="Many tools use this name; use a database of its own.",
            )
        return bool(columns)

    async def create(self) -> None:
        """Create the tables, and their schema, where they are missing."""
        if await self.exist():
            return
        async with self._connection.transaction():
            roles = await self.create_schema()
            await self._connection.execute(definition(self._schema, roles))

    async def create_schema(self) -> tuple[str, ...]:
        """Create the schema where it is missing; return the API roles there are."""
        roles = await self._present(API_ROLES)
        # Not "if not exists": that needs CREATE on the database even if it exists.
        cursor = await self._connection.execute(
            "select 1 from pg_catalog.pg_namespace where nspname = %s", [self._schema]
        )
        if await cursor.fetchone() is not None:
            return roles
        name = sql.Identifier(self._schema)
        await self._connection.execute(sql.SQL("create schema {}").format(name))
        for role in (sql.SQL("public"), *map(sql.Identifier, roles)):
            await self._connection.execute(
                sql.SQL("revoke all on schema {} from {}").format(name, role)
            )
        return roles

    async def drop(self) -> None:
        """Drop the tables, if they are there."""
        if await self.exist():
            query = sql.SQL("drop table {table}, {log}")
            await self._connection.execute(query.format(**self._names))

    async def applied(self) -> tuple[Applied, ...]:
        """Return all records in the order of their versions."""
        if not await self.exist():
            return ()
        query = sql.SQL(
            """
            select
                version,
                name,
                applied_at,
                rollback_sql,
                checksum,
                applied_by,
                duration_ms,
                kind,
                server_version
            from {table}
            order by version
            """
        ).format(**self._names)
        async with self._connection.cursor(row_factory=class_row(Applied)) as cursor:
            return tuple(await (await cursor.execute(query)).fetchall())

    async def record(
        self, migration: Migration, *, kind: Kind, duration_ms: int | None, step: str
    ) -> None:
        """Keep that a version was applied, or with no duration that it began."""
        query = _RECORD.format(**self._names)
        values = {
            "version": migration.version,
            "name": migration.name,
            "rollback_sql": migration.down_sql,
            "checksum": migration.checksum,
            "duration_ms": duration_ms,
            "kind": kind,
        }
        await self._connection.execute(query, values)
        if duration_ms is not None:
            await self._note(migration.version, step, migration.checksum)

    async def begin_removal(self, version: str) -> None:
        """Mark a version as interrupted until its way back has been run."""
        query = sql.SQL("update {table} set duration_ms = null where version = %s")
        await self._connection.execute(query.format(**self._names), [version])

    async def remove(self, migration: Migration) -> None:
        """Forget a version that was taken back; the log keeps that it was."""
        query = sql.SQL("delete from {table} where version = %s")
        await self._connection.execute(query.format(**self._names), [migration.version])
        await self._note(migration.version, "down", migration.checksum)

    async def _note(self, version: str, step: str, checksum: str) -> None:
        query = sql.SQL(
            "insert into {log} (version, step, checksum) values (%s, %s, %s)"
        )
        await self._connection.execute(
            query.format(**self._names), [version, step, checksum]
        )

    async def _columns(self, table: str) -> frozenset[str]:
        cursor = await self._connection.execute(
            """
            select a.attname::text
            from pg_catalog.pg_class as c
            join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
            join pg_catalog.pg_attribute as a on a.attrelid = c.oid
            where
                n.nspname = %s
                and c.relname = %s
                and a.attnum > 0
                and not a.attisdropped
            """,
            [self._schema, table],
        )
        return frozenset(name for (name,) in await cursor.fetchall())

    async def _present(self, roles: tuple[str, ...]) -> tuple[str, ...]:
        cursor = await self._connection.execute(
            "select rolname::text from pg_catalog.pg_roles "
            "where rolname = any(%s) order by rolname",
            [list(roles)],
        )
        return tuple(name for (name,) in await cursor.fetchall())
