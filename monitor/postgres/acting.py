"""What every way of executing actions shares: its interface, limits and questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString, Protocol, TypeVar

import psycopg
from psycopg.rows import class_row

from monitor.model.action import Action, ActionMode, JournalEntry, Refusal
from monitor.postgres.deadline import bounded
from monitor.postgres.session import Session
from monitor.postgres.translate import translate

T = TypeVar("T")

READ_SECONDS = 10.0
"""How long a question about catalogs, statistics or the journal may take."""

Gate = Callable[[JournalEntry, Sequence[JournalEntry], datetime], Refusal | None]
"""Asked right before acting; see `monitor.maintenance.policy.gate`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActingOptions:
    """Bounds on what an action may cost.

    `lock_timeout` bounds how long others queue behind us; `build_lock_timeout` is
    for CREATE INDEX CONCURRENTLY, behind which neither reads nor writes queue; it
    does not begin while there is a transaction older than `old_snapshot`.
    `verify_timeout` covers the delay of statistics. After `max_repairs` failed
    attempts to clean up, each twice as long after the one before (`repair_pause`), a
    person is asked.
    """

    allow_superuser: bool = False
    lock_timeout: timedelta = timedelta(seconds=2)
    build_lock_timeout: timedelta = timedelta(seconds=60)
    old_snapshot: timedelta = timedelta(seconds=60)
    statement_timeout: timedelta = timedelta(hours=1)
    verify_timeout: timedelta = timedelta(seconds=5)
    approval_expires: timedelta = timedelta(days=7)
    max_repairs: int = 8
    repair_pause: timedelta = timedelta(seconds=10)


class ActionExecutor(Protocol):
    """What the runtime and the operator ask of an executor."""

    @property
    def problem(self) -> str:
        """Return why it does not act at all, empty if it does."""
        ...

    async def propose(self, action: Action, mode: ActionMode) -> JournalEntry | Refusal:
        """Journal an action, or return the entry that already stands for it."""
        ...

    async def approve(self, action_id: int, by: str) -> JournalEntry:
        """Let an action that awaits approval run.

        Raises:
            LookupError: there is no such action.
            ActionFailed: it does not await approval.
        """
        ...

    async def reject(self, action_id: int, by: str) -> JournalEntry:
        """Close an action that awaits approval; errors as for `approve`."""
        ...

    async def undo(self, action_id: int, by: str) -> JournalEntry:
        """Run a finished action's way back; errors as for `approve`."""
        ...

    async def run_due(self, now: datetime) -> tuple[JournalEntry, ...]:
        """Run approved actions one after the other; return those that moved."""
        ...

    async def reconcile(self) -> tuple[JournalEntry, ...]:
        """Settle what an interruption left open; never runs a statement blindly."""
        ...

    async def history(self) -> tuple[JournalEntry, ...]:
        """Return the journal's recent entries, the newest first."""
        ...

    async def close(self) -> None:
        """Give up leadership and close every connection."""
        ...


async def fetch(
    session: Session,
    what: str,
    query: LiteralString,
    parameters: Mapping[str, object],
    row: type[T],
) -> list[T]:
    """Return rows with names exactly as the server has them.

    `Session.run` cleans texts for display, which would rename hostile objects.

    Raises:
        TargetError: the query failed or the connection is lost.
    """

    async def read() -> list[T]:
        async with session.connection.cursor(row_factory=class_row(row)) as cursor:
            await cursor.execute(query, parameters)
            return await cursor.fetchall()

    try:
        return await bounded(session.connection, read(), seconds=READ_SECONDS)
    except psycopg.Error as error:
        raise translate(error, what=what) from error


async def fetch_one(
    session: Session,
    what: str,
    query: LiteralString,
    parameters: Mapping[str, object],
    row: type[T],
) -> T | None:
    """Return the first row, None without one; errors as for `fetch`."""
    return next(iter(await fetch(session, what, query, parameters, row)), None)
