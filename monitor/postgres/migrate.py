"""Runs migrations: in order, once, by one runner at a time, undone when they fail.

A file runs in one transaction together with its record. A file with the line
`-- no-transaction` runs statement by statement; its record is written first and
stays without a duration until the end, so that an interruption shows and the next
run repairs it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import psycopg

from monitor.errors import MigrationError
from monitor.model import migration_plan, script
from monitor.model.migration import Migration
from monitor.model.migration_plan import Plan, VersionStatus
from monitor.postgres.access import ACCESS
from monitor.postgres.bookkeeping import Bookkeeping
from monitor.postgres.losses import Losses
from monitor.postgres.migration_files import SETS, load, shipped
from monitor.postgres.ownership import as_owner
from monitor.postgres.script_runner import Patience, ScriptRunner
from monitor.postgres.session import Session
from monitor.postgres.translate import translate

T = TypeVar("T")


class Migrator:
    """Applies one set of migrations to the database of a session of purpose `act`."""

    def __init__(
        self,
        session: Session,
        migration_set: str,
        *,
        folder: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._line = SETS[migration_set]
        self._migrations = load(folder or shipped(migration_set))
        self._runner = ScriptRunner(session, patience)
        self._connection = session.connection
        self._books = Bookkeeping(session.connection, self._line.schema)

    async def plan(self, to: str | None = None) -> Plan:
        """Return what `up` would run; changes nothing.

        Raises:
            MigrationError: files and records do not fit together.
        """
        return migration_plan.plan(
            self._line, self._migrations, await self._applied(), to=to
        )

    async def status(self) -> tuple[VersionStatus, ...]:
        """Return every version with its condition; changes nothing."""
        return migration_plan.status(self._migrations, await self._applied())

    async def up(self, to: str | None = None) -> tuple[Migration, ...]:
        """Apply what is pending, after repairing what was interrupted.

        Raises:
            MigrationError: a file failed; those before it stay applied.
        """
        return await self._changed(lambda: self._up(to))

    async def rehearse(self, to: str | None = None) -> tuple[Migration, ...]:
        """Run what is pending in one transaction and roll it back.

        Stops before the first file that cannot run in a transaction.

        Raises:
            MigrationError: a file would fail.
        """
        return await self._changed(lambda: self._rehearse(to))

    async def preview_down(
        self, to: str | None = None, *, allow_cascade: bool = False
    ) -> tuple[tuple[Migration, ...], tuple[str, ...]]:
        """Return what `down` would take back, and the objects and rows it would lose.

        The files are run in a transaction that is rolled back.
        """
        return await self._changed(
            lambda: self._preview(to, allow_cascade=allow_cascade)
        )

    async def down(
        self,
        to: str | None = None,
        *,
        confirm: bool = False,
        allow_cascade: bool = False,
    ) -> tuple[Migration, ...]:
        """Take the last migration back, or all after version `to` ("none" for all).

        Raises:
            MigrationError: it is not confirmed (the detail lists what would be
                lost), a way back is missing or changed, or a file failed.
        """
        if not confirm:
            chosen, losses = await self.preview_down(to, allow_cascade=allow_cascade)
            names = ", ".join(m.down_file for m in chosen)
            raise MigrationError(
                f"taking back needs to be confirmed: {names}",
                detail=f"Lost would be: {'; '.join(losses) or 'nothing'}.",
                hint="Repeat with --confirm.",
            )
        return await self._changed(lambda: self._down(to, allow_cascade=allow_cascade))

    async def baseline(self, version: str) -> tuple[Migration, ...]:
        """Record all versions up to one as applied without running them.

        For a database that has these objects already.
        """
        return await self._changed(lambda: self._baseline(version))

    async def _changed(self, work: Callable[[], Awaitable[T]]) -> T:
        if self._line.schema != "monitoring":
            return await self._runner.in_turn(self._line.name, work)
        async with as_owner(self._connection):
            return await self._runner.in_turn(self._line.name, work)

    async def _applied(self) -> tuple[migration_plan.Applied, ...]:
        try:
            return await self._books.applied()
        except psycopg.Error as error:
            told = translate(error, what=f'read records of set "{self._line.name}"')
            raise MigrationError(told.message, detail=told.detail) from error

    async def _up(self, to: str | None) -> tuple[Migration, ...]:
        await self._books.create()
        plan = await self.plan(to)
        for migration in plan.steps:
            step = "repair" if migration is plan.repairs else "up"
            if migration.is_transactional:
                await self._apply_whole(migration, step)
            else:
                await self._apply_in_steps(migration, step)
        if plan.steps and self._line.schema == "monitoring":
            await self._connection.execute(ACCESS)
        return plan.steps

    async def _rehearse(self, to: str | None) -> tuple[Migration, ...]:
        done: list[Migration] = []
        async with self._connection.transaction(force_rollback=True):
            await self._runner.limit()
            await self._books.create()
            for migration in (await self.plan(to)).steps:
                if not migration.is_transactional:
                    break
                await self._runner.run(migration.file, migration.sql)
                done.append(migration)
        return tuple(done)

    async def _preview(
        self, to: str | None, *, allow_cascade: bool
    ) -> tuple[tuple[Migration, ...], tuple[str, ...]]:
        chosen = await self._plan_down(to, allow_cascade=allow_cascade)
        losses = Losses(self._connection)
        async with self._connection.transaction(force_rollback=True):
            await self._runner.limit()
            await losses.begin()
            for migration in chosen:
                if migration.down_is_transactional:
                    text = migration.down_sql or ""
                    await self._runner.run(migration.down_file, text)
            await losses.end()
        return chosen, await losses.describe()

    async def _plan_down(
        self, to: str | None, *, allow_cascade: bool
    ) -> tuple[Migration, ...]:
        return migration_plan.plan_down(
            self._migrations,
            await self._applied(),
            to=to,
            allow_cascade=allow_cascade,
        )

    async def _down(
        self, to: str | None, *, allow_cascade: bool
    ) -> tuple[Migration, ...]:
        chosen = await self._plan_down(to, allow_cascade=allow_cascade)
        for migration in chosen:
            if migration.down_is_transactional:
                await self._take_back_whole(migration)
            else:
                await self._take_back_in_steps(migration)
        return chosen

    async def _baseline(self, version: str) -> tuple[Migration, ...]:
        await self._books.create()
        plan = await self.plan(version)
        async with self._connection.transaction():
            for migration in plan.steps:
                await self._books.record(
                    migration, kind="baseline", duration_ms=0, step="baseline"
                )
        return plan.steps

    async def _apply_whole(self, migration: Migration, step: str) -> None:
        async def work() -> None:
            started = time.monotonic()
            await self._runner.run(migration.file, migration.sql)
            await self._books.record(
                migration,
                kind="transactional",
                duration_ms=_milliseconds_since(started),
                step=step,
            )

        await self._runner.in_transaction(work, what=f'run "{migration.file}"')

    async def _apply_in_steps(self, migration: Migration, step: str) -> None:
        statements = script.statements(migration.sql)
        if step == "up":
            await self._refuse_foreign_leftovers(migration, statements)
        started = time.monotonic()
        await self._books.record(
            migration, kind="concurrent", duration_ms=None, step=step
        )
        for statement in statements:
            if not (step == "repair" and await self._is_built(migration, statement)):
                await self._runner.run_alone(migration.file, statement)
        await self._books.record(
            migration,
            kind="concurrent",
            duration_ms=_milliseconds_since(started),
            step=step,
        )

    async def _refuse_foreign_leftovers(
        self, migration: Migration, statements: tuple[str, ...]
    ) -> None:
        """Make sure that an invalid index found by a later repair is this file's."""
        for index in map(script.concurrent_index, statements):
            if index and await self._runner.index_validity(index) is False:
                raise MigrationError(
                    f'index "{index.schema}.{index.name}" exists and is invalid',
                    detail=f'It is not of "{migration.file}", which was not begun.',
                    hint="Find out whose it is and drop it.",
                )

    async def _is_built(self, migration: Migration, statement: str) -> bool:
        """Say whether a statement's index is there; drop it first if it is invalid."""
        index = script.concurrent_index(statement)
        if index is None:
            return False
        validity = await self._runner.index_validity(index)
        if validity is False:
            await self._runner.drop_leftover(migration.file, index)
        return validity is True

    async def _take_back_whole(self, migration: Migration) -> None:
        async def work() -> None:
            await self._runner.run(migration.down_file, migration.down_sql or "")
            await self._books.remove(migration)

        await self._runner.in_transaction(work, what=f'run "{migration.down_file}"')

    async def _take_back_in_steps(self, migration: Migration) -> None:
        await self._books.begin_removal(migration.version)
        for statement in script.statements(migration.down_sql or ""):
            await self._runner.run_alone(migration.down_file, statement)
        await self._books.remove(migration)


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
