"""Runs scripts on one connection: bounded, in turn, waiting for locks only briefly."""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString, TypeVar

import psycopg
from psycopg import sql

from monitor.errors import MigrationError, TargetError
from monitor.model import script
from monitor.model.script import ConcurrentIndex
from monitor.model.server import Pooler
from monitor.postgres.deadline import GRACE_SECONDS, bounded
from monitor.postgres.session import Purpose, Session
from monitor.postgres.translate import translate

T = TypeVar("T")

# First half of the advisory lock's key, the letters "pgvg"; the second is the name.
_LOCK_CLASS = 0x70677667
_POLL_SECONDS = 0.2
_BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait: for a lock, between attempts, for one's turn, in all."""

    lock: timedelta = timedelta(seconds=2)
    attempts: int = 5
    pause: timedelta = timedelta(seconds=1)
    turn: timedelta = timedelta(minutes=1)
    total: timedelta = timedelta(hours=6)


class ScriptRunner:
    """What migrations and views share: how a script gets to the server.

    Raises MigrationError when the session cannot hold an advisory lock or was not
    opened for changes.
    """

    def __init__(self, session: Session, patience: Patience | None = None) -> None:
        if session.pooler is Pooler.TRANSACTION:
            raise MigrationError(
                "cannot change a schema through a transaction pooler",
                detail="Settings and advisory locks would reach other clients.",
                hint="Connect to the server itself, or through a session pooler.",
            )
        if session.purpose is not Purpose.ACT:
            raise MigrationError(
                f"cannot change a schema in a {session.purpose} session"
            )
        self.connection = session.connection
        self.patience = patience or Patience()
        self._grace = GRACE_SECONDS if session.pooler is Pooler.NONE else 0.0

    async def in_turn(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Return the outcome of work that only one runner at a time may do.

        Raises:
            MigrationError: another runner did not end in time, or the work failed.
        """
        try:
            return await bounded(
                self.connection,
                self._in_turn(name, work),
                seconds=self.patience.total.total_seconds(),
                grace=self._grace,
            )
        except psycopg.Error as error:
            raise _failed("change the schema", error) from error
        except TargetError as error:
            raise MigrationError(error.message, detail=error.detail) from error

    async def _in_turn(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        async with self._lock(zlib.crc32(name.encode()) & 0x7FFFFFFF):
            return await work()

    @asynccontextmanager
    async def _lock(self, key: int) -> AsyncGenerator[None]:
        deadline = time.monotonic() + self.patience.turn.total_seconds()
        # Polled: a statement that waits for the lock holds a snapshot, for which the
        # other runner's CREATE INDEX CONCURRENTLY would wait in turn.
        while not await self._ask(
            "select pg_catalog.pg_try_advisory_lock(%s, %s)", key
        ):
            if time.monotonic() >= deadline:
                raise MigrationError(
                    "another runner is changing this schema",
                    hint="Wait for it to end, then look at migrate status.",
                )
            await asyncio.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            with contextlib.suppress(psycopg.Error):
                await self._ask("select pg_catalog.pg_advisory_unlock(%s, %s)", key)

    async def _ask(self, query: LiteralString, key: int) -> bool:
        cursor = await self.connection.execute(query, [_LOCK_CLASS, key])
        row = await cursor.fetchone()
        return row is not None and bool(row[0])

    async def limit(self) -> None:
        """Set this transaction's limits: locks briefly, statements as they need."""
        await self.connection.execute(
            "select pg_catalog.set_config('lock_timeout', %s, true),"
            " pg_catalog.set_config('statement_timeout', '0', true),"
            " pg_catalog.set_config("
            "'idle_in_transaction_session_timeout', '0', true)",
            [str(_milliseconds(self.patience.lock))],
        )

    async def in_transaction(self, work: Callable[[], Awaitable[T]], *, what: str) -> T:
        """Return the outcome of work in one transaction, retried when locked out.

        `what` is a verb phrase for the message.
        """

        async def attempt() -> T:
            async with self.connection.transaction():
                await self.limit()
                return await work()

        return await self._patiently(attempt, what=what)

    async def _patiently(self, work: Callable[[], Awaitable[T]], *, what: str) -> T:
        for attempt in range(1, self.patience.attempts):
            try:
                return await work()
            except _BUSY:
                await asyncio.sleep(attempt * self.patience.pause.total_seconds())
        try:
            return await work()
        except _BUSY as error:
            raise _failed(what, error) from error

    async def run(self, file: str, text: str) -> None:
        """Run a whole script in the current transaction.

        Raises:
            MigrationError: the server refused it; names file and line.
        """
        try:
            # Bytes, because the text is a file's: installed like the program itself.
            await self.connection.execute(text.encode())
        except _BUSY:
            raise
        except psycopg.Error as error:
            raise _failed(f'run "{file}"{_line(text, error)}', error) from error

    async def run_alone(self, file: str, statement: str) -> None:
        """Run one statement outside a transaction; CONCURRENTLY waits as it must."""
        lock = timedelta() if script.is_concurrent(statement) else self.patience.lock
        await self.connection.execute(
            "select pg_catalog.set_config('lock_timeout', %s, false),"
            " pg_catalog.set_config('statement_timeout', '0', false)",
            [str(_milliseconds(lock))],
        )
        await self._patiently(lambda: self.run(file, statement), what=f'run "{file}"')

    async def index_validity(self, index: ConcurrentIndex) -> bool | None:
        """Return whether an index is valid; None when there is no such index."""
        cursor = await self.connection.execute(
            """
            select i.indisvalid and i.indisready
            from pg_catalog.pg_index as i
            join pg_catalog.pg_class as c on c.oid = i.indexrelid
            join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
            where n.nspname = %s and c.relname = %s
            """,
            [index.schema, index.name],
        )
        row = await cursor.fetchone()
        return None if row is None else bool(row[0])

    async def drop_leftover(self, file: str, index: ConcurrentIndex) -> None:
        """Drop the invalid index that an interrupted build of this file left."""
        statement = sql.SQL("drop index concurrently {}").format(
            sql.Identifier(index.schema, index.name)
        )
        await self.run_alone(file, statement.as_string(self.connection))


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)


def _failed(what: str, error: psycopg.Error) -> MigrationError:
    told = translate(error, what=what)
    hint = told.hint
    if isinstance(error, _BUSY):
        hint = "Another session holds a lock on these objects; try again later."
    return MigrationError(told.message, detail=told.detail, hint=hint)


def _line(text: str, error: psycopg.Error) -> str:
    position = error.diag.statement_position
    if position is None:
        return ""
    return f", line {text.count(chr(10), 0, int(position) - 1) + 1}"
