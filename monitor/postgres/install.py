"""Installs schema `monitoring` and takes it away again; the only caller of DDL for it.

The control database gets tables, views and functions; other databases get the
views and functions that need nothing stored. Objects belong to role pgvigil_owner
where it exists and may be assumed, otherwise to whoever installs.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from monitor.errors import MigrationError
from monitor.model import migration_plan
from monitor.model.repeatable import Scope
from monitor.postgres import bookkeeping
from monitor.postgres.access import ACCESS
from monitor.postgres.bookkeeping import Bookkeeping
from monitor.postgres.migrate import Migrator
from monitor.postgres.migration_files import load, load_views, shipped
from monitor.postgres.ownership import as_owner
from monitor.postgres.planner_stats import ALLOW, DISALLOW, PLANNER_STATS
from monitor.postgres.script_record import record_text
from monitor.postgres.script_runner import Patience, ScriptRunner
from monitor.postgres.session import Session
from monitor.postgres.views import DEFINITION, Views, record

SCHEMA = "monitoring"
_SET = "monitoring"


@dataclass(frozen=True, slots=True)
class Installed:
    """What an installation changed: files and objects, none when all was there."""

    migrations: tuple[str, ...]
    views: tuple[str, ...]
    dropped: tuple[str, ...]


async def install(
    session: Session, *, patience: Patience | None = None, planner_stats: bool = False
) -> Installed:
    """Install or update everything in the control database.

    With `planner_stats` also the function that shows planner statistics without
    values; once there, it is kept up to date.

    Raises:
        MigrationError: the schema belongs to someone else, a privilege is missing,
            or a file failed. Files before it stay applied.
    """
    asked_for = await _ask_for(session, planner_stats=planner_stats)
    async with as_owner(session.connection):
        done = await Migrator(session, _SET, patience=patience).up()
        views = Views(session, "control", patience=patience, asked_for=asked_for)
        change = await views.make()
    return Installed(tuple(m.file for m in done), change.made, change.dropped)


async def install_local(
    session: Session, *, patience: Patience | None = None, planner_stats: bool = False
) -> Installed:
    """Install or update the views and functions in any other database.

    Raises:
        MigrationError: as for `install`.
    """
    connection = session.connection
    asked_for = await _ask_for(session, planner_stats=planner_stats)
    async with as_owner(connection):
        runner = ScriptRunner(session, patience)
        books = Bookkeeping(connection, SCHEMA)
        await runner.in_turn(
            "views",
            lambda: runner.in_transaction(
                books.create_schema, what="create the schema"
            ),
        )
        views = Views(session, "database", patience=patience, asked_for=asked_for)
        change = await views.make()
    return Installed((), change.made, change.dropped)


async def _ask_for(session: Session, *, planner_stats: bool) -> tuple[str, ...]:
    if not planner_stats:
        return ()
    await session.connection.execute(ALLOW)
    return (PLANNER_STATS,)


async def uninstall(session: Session, *, patience: Patience | None = None) -> bool:
    """Remove all that was installed, in one transaction; roles stay.

    False when there was nothing to remove.

    Raises:
        MigrationError: the platform or something else rests on our objects or lies in
            the schema; nothing is removed then.
    """
    connection = session.connection
    if await _has_platform(connection):
        raise MigrationError(
            'cannot remove schema "monitoring" while the platform is installed',
            hint="Take it back first: pgvigil platform down --to none.",
        )
    async with as_owner(connection) as place:
        if place.is_ours is None:
            return False
        runner = ScriptRunner(session, patience)
        await runner.in_turn(
            _SET,
            lambda: runner.in_transaction(
                lambda: _remove(runner, session), what="remove the schema"
            ),
        )
    await connection.execute(DISALLOW)
    return True


def print_sql(major: int, scope: Scope = "control") -> str:
    """Return what `install` runs on a database without the schema, as one script.

    For a database administrator to read and run with psql; afterwards `install`
    finds nothing to do. `major` is the server's.
    """
    parts = [
        f"-- Schema monitoring of pgvigil, for PostgreSQL {major}.",
        "-- For a database that does not have it; otherwise nothing is changed.",
        "-- It will belong to the role that runs this.",
        "begin;",
        "set local search_path = pg_catalog, pg_temp;",
        "create schema monitoring;",
    ]
    if scope == "control":
        parts.append(bookkeeping.definition(SCHEMA).as_string())
        parts += [
            f"{m.sql}\n{record_text(SCHEMA, m, kind='transactional')}"
            for m in load(shipped(_SET))
        ]
    parts.append(DEFINITION)
    parts += [
        f"{item.sql}\n{record(item, major).as_string()}"
        for item in load_views(major=major, scope=scope)
    ]
    return "\n".join([*parts, ACCESS, "commit;", ""])


async def _has_platform(connection: bookkeeping.Connection) -> bool:
    try:
        if not await Bookkeeping(connection, "public").exist():
            return False
    except MigrationError:
        # The table is another tool's.
        return False
    cursor = await connection.execute(
        "select 1 from pg_catalog.pg_namespace where nspname = 'app_private'"
    )
    return await cursor.fetchone() is not None


async def _remove(runner: ScriptRunner, session: Session) -> None:
    connection = session.connection
    await Views(session, "control").drop_all()
    books = Bookkeeping(connection, SCHEMA)
    applied = await books.applied()
    if applied:
        for migration in migration_plan.plan_down(
            load(shipped(_SET)), applied, to=migration_plan.NOTHING
        ):
            await runner.run(migration.down_file, migration.down_sql or "")
    await books.drop()
    try:
        await connection.execute("drop schema monitoring")
    except psycopg.errors.DependentObjectsStillExist as error:
        raise MigrationError(
            'schema "monitoring" holds objects that are not of pgvigil',
            detail=error.diag.message_detail or "",
            hint="Move or drop them first; nothing was removed.",
        ) from error
