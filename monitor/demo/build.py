"""Builds the demo's application database, flaws included, on an empty server."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from monitor.demo import content, schema
from monitor.errors import ActionFailed
from monitor.postgres.throwaway import ThrowawayServer
from monitor.postgres.translate import translate

Connection = psycopg.AsyncConnection[TupleRow]
Report = Callable[[str], None]
"""Takes a sentence about what is being done now."""

SERVER_SETTINGS = {
    "max_connections": "60",
    "shared_buffers": "64MB",
    # Sorting and joining in a small work_mem is part of the picture.
    "work_mem": "1MB",
}


@dataclass(frozen=True, slots=True)
class Application:
    """The built database and how its parts connect.

    `traffic` is the login of the application's own connections, `owner` that of
    the superuser; both are connection strings with a password.
    """

    traffic: str
    owner: str

    def __repr__(self) -> str:
        return "Application()"


async def create(server: ThrowawayServer) -> Application:
    """Create the application's roles and its database, still empty.

    Raises:
        TargetError: the server refused a statement.
    """
    password = secrets.token_urlsafe(16)
    try:
        await _create_database(server, password)
    except psycopg.Error as error:
        raise translate(error, what="create the demo's database") from error
    return Application(
        traffic=server.conninfo(
            schema.DATABASE, user="authenticator", password=password
        ),
        owner=server.conninfo(schema.DATABASE),
    )


async def build(application: Application, report: Report) -> None:
    """Create tables, policies, rows, and the damage of years.

    Raises:
        TargetError: the server refused a statement.
    """
    try:
        async with await connect(application.owner) as connection:
            await _fill(connection, report)
    except psycopg.Error as error:
        raise translate(error, what="build the demo's database") from error


async def _create_database(server: ThrowawayServer, password: str) -> None:
    async with await connect(server.conninfo()) as connection:
        await connection.execute(schema.ROLES)
        await connection.execute(
            sql.SQL("alter role authenticator password {}").format(password)
        )
        name = sql.Identifier(schema.DATABASE)
        await connection.execute(
            sql.SQL("create database {} owner app_owner").format(name)
        )


async def connect(conninfo: str) -> Connection:
    """Open a connection that sets up, each statement in a transaction of its own."""
    return await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True, application_name="demo set-up"
    )


async def _fill(connection: Connection, report: Report) -> None:
    await connection.execute("create extension pg_stat_statements")
    await connection.execute(schema.SCHEMAS)
    await connection.execute(schema.TABLES)
    report("filling its tables")
    await connection.execute(content.ROWS)
    await connection.execute(schema.POLICIES)
    report("building its indexes")
    await connection.execute(schema.INDEXES)
    report("wearing it out")
    await connection.execute("set role app_owner")
    await _fail(connection, content.INVALID_INDEX)
    for statement in content.WEAR:
        await connection.execute(statement)


async def _fail(connection: Connection, statement: LiteralString) -> None:
    """Run a statement that must fail on duplicate values."""
    try:
        await connection.execute(statement)
    except psycopg.errors.UniqueViolation:
        return
    raise ActionFailed("the demo's invalid index turned out to be valid")
