"""Streams a detached month out of schema `app_partitions`, and notes that it was done.

The note, in monitoring.operations_log, lets `drop_partition` see that the table it is
about to drop has been exported, with as many rows as it has now.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg.types.json import Jsonb

from monitor.errors import ConfigError, InsufficientPrivilege, TargetError
from monitor.model.action import Statement
from monitor.postgres.deadline import bounded
from monitor.postgres.render import render
from monitor.postgres.request import Request
from monitor.postgres.session import Session
from monitor.postgres.streaming import (
    STALL_SECONDS,
    STEP_SECONDS,
    OpenSection,
    copy_lines,
    one_snapshot,
    while_growing,
)
from monitor.postgres.translate import translate

SCHEMA = "app_partitions"
SECTION = "rows"
"""The file's name; that of a table could be anything."""

_LOCK: LiteralString = "lock table only {} in access share mode"
_ROWS: LiteralString = (
    "copy (select pg_catalog.to_jsonb(t)::text from only {} as t)"
    " to stdout with (encoding 'UTF8')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detached:
    """A table of schema app_partitions, as of when it was looked at."""

    role: str
    oid: int
    is_table: bool
    is_attached: bool
    is_filtered: bool
    snapshot_at: datetime
    datname: str
    server_version: str


async def export_partition(
    session: Session,
    table: str,
    open_section: OpenSection,
    *,
    stall_seconds: float = STALL_SECONDS,
) -> Detached:
    """Write every row of a detached month, `app_partitions.<name>`, to a sink.

    `session` is of purpose `act`, with no limit on statements.

    Raises:
        ConfigError: it is in another schema, or attached.
        InsufficientPrivilege: policies would hide rows from this role.
        TargetError: there is no such table, or the server failed.
    """
    schema, _, name = table.partition(".")
    if schema != SCHEMA or not name:
        raise ConfigError(
            f'cannot export "{table}": it is not in schema "{SCHEMA}"',
            hint=f'Name a detached month, such as "{SCHEMA}.audit_logs_2025_01".',
        )
    await _find(session, name)
    async with one_snapshot(session):
        await _lock(session, name)
        # Again, because it could have been attached or replaced until now.
        found = await _find(session, name)
        rows = render(Statement(_ROWS, identifiers=((SCHEMA, name),)))
        with open_section(SECTION) as sink:
            await while_growing(
                session,
                copy_lines(session, rows, None, sink),
                sink,
                seconds=stall_seconds,
                what=f'read "{table}"',
            )
    return found


@asynccontextmanager
async def noted(session: Session, details: dict[str, object]) -> AsyncGenerator[None]:
    """Note an export in monitoring.operations_log if what is done meanwhile succeeds.

    What a failed commit leaves is an export that is there without a note.

    Raises:
        TargetError: it cannot be noted; then the context is not entered.
    """
    begin = (
        Request(name="begin", sql="begin"),
        Request(
            name="wait_for_disk",
            sql="set local idle_in_transaction_session_timeout = '10min'",
        ),
    )
    note = Request(
        name="note_export",
        sql="""
            insert into monitoring.operations_log (event, details)
            values ('partition_exported', %(details)s)
        """,
        parameters={"details": Jsonb({"via": "pgvigil", **details})},
    )
    for request in begin:
        await session.run(request, seconds=STEP_SECONDS)
    end = Request(name="rollback", sql="rollback")
    try:
        await session.run(note, seconds=STEP_SECONDS)
        yield
        end = Request(name="commit", sql="commit")
    finally:
        if session.is_open:
            await session.run(end, seconds=STEP_SECONDS)


async def _lock(session: Session, name: str) -> None:
    statement = render(Statement(_LOCK, identifiers=((SCHEMA, name),)))
    try:
        running = session.connection.execute(statement)
        await bounded(session.connection, running, seconds=STEP_SECONDS)
    except psycopg.Error as error:
        raise translate(error, what=f'lock "{SCHEMA}.{name}"') from error


async def _find(session: Session, name: str) -> Detached:
    request = Request(
        name="find_partition",
        sql="""
            select
                current_user::text as role,
                c.oid as oid,
                c.relkind = 'r' as is_table,
                c.relispartition as is_attached,
                pg_catalog.row_security_active(c.oid) as is_filtered,
                pg_catalog.statement_timestamp() as snapshot_at,
                pg_catalog.current_database()::text as datname,
                pg_catalog.current_setting('server_version') as server_version
            from pg_catalog.pg_class as c
            join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
            where n.nspname = 'app_partitions' and c.relname = %(name)s::name
        """,
        parameters={"name": name},
        row=Detached,
    )
    table = f"{SCHEMA}.{name}"
    match (await session.run(request, seconds=STEP_SECONDS)).rows:
        case (Detached(is_attached=True),):
            raise ConfigError(
                f'cannot export "{table}": it is attached',
                hint="Detach it first; until then its rows may change.",
            )
        case (Detached(is_table=True, is_filtered=True, role=role),):
            raise InsufficientPrivilege(
                f'cannot export "{table}" as role "{role}": it does not see all rows',
                hint="Connect as the owner of the platform, or with BYPASSRLS.",
            )
        case (Detached(is_table=True) as found,):
            return found
        case _:
            raise TargetError(
                f'there is no table "{table}" in database "{session.dbname}"'
            )
