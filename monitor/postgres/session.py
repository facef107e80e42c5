"""A connection with a purpose: bounded, with verified settings, typed replies."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Self, TypeVar

import psycopg

from monitor.errors import QueryTimedOut, TargetError, TargetUnreachable
from monitor.model.server import Pooler
from monitor.model.target import Credentials
from monitor.model.text import clean_line
from monitor.postgres import pooler as poolers
from monitor.postgres import session_settings
from monitor.postgres.connect import Connection, connect
from monitor.postgres.deadline import bounded, hard_abort
from monitor.postgres.pipeline import run_one, run_pipeline
from monitor.postgres.request import Reply, Request
from monitor.postgres.session_settings import Limits, Purpose, SettingRow
from monitor.postgres.translate import translate

__all__ = ["Limits", "Purpose", "Session"]

T = TypeVar("T")
Dial = Callable[[], Awaitable[Connection]]

_NOTICES_KEPT = 100
_CLOSE_SECONDS = 1.0
_BACKEND = Request(name="backend", sql="select pg_catalog.pg_backend_pid() as pid")
_DISCARD = Request(name="discard", sql="discard all")
_DEALLOCATE = Request(name="deallocate", sql="deallocate all")
# "cached plan must not change result type" after DDL, a statement that is gone, or
# one of the same name: the driver would send the prepared statement for ever.
_STALE_PREPARED = frozenset({"0A000", "26000", "42P05"})


class Session:
    """One connection to one database; useless once `is_open` is False.

    `backend_pid` and `dbname` are the server's own, also behind a pooler.
    `degraded` says in words which settings are not in force, empty if all are.
    """

    def __init__(
        self, connection: Connection, *, purpose: Purpose, limits: Limits
    ) -> None:
        self.connection = connection
        self.purpose = purpose
        self.limits = limits
        self.dbname = connection.info.dbname
        self.backend_pid = connection.info.backend_pid
        self.pooler = Pooler.NONE
        self.degraded = ""
        self._notices: deque[str] = deque(maxlen=_NOTICES_KEPT)
        connection.add_notice_handler(self._keep_notice)

    @classmethod
    async def open(
        cls,
        credentials: Credentials,
        *,
        purpose: Purpose,
        instance: str,
        dbname: str | None = None,
        limits: Limits | None = None,
    ) -> Self:
        """Connect, find out about a pooler, and verify the session's settings.

        Raises:
            TargetUnreachable: no connection could be made.
            InsufficientPrivilege: the server refused the role or its password.
        """
        chosen = limits or Limits()

        async def dial() -> Connection:
            return await connect(
                credentials,
                purpose=purpose,
                instance=instance,
                dbname=dbname,
                limits=chosen,
            )

        session = cls(await dial(), purpose=purpose, limits=chosen)
        try:
            await session._settle(dial)
        except BaseException:
            hard_abort(session.connection)
            await session.connection.close()
            raise
        return session

    @property
    def is_open(self) -> bool:
        """Say whether the connection was still there when it was last used."""
        return not self.connection.closed

    @property
    def notices(self) -> tuple[str, ...]:
        """Return what the server remarked during the last run, such as warnings."""
        return tuple(self._notices)

    def clear_notices(self) -> None:
        """Forget the notices, before a statement is run on `connection` itself."""
        self._notices.clear()

    async def run(self, request: Request, *, seconds: float) -> Reply:
        """Run one statement and return its reply.

        Raises:
            TargetError: the statement failed, or the connection is lost.
        """
        reply = await self._bounded(run_one(self.connection, request), seconds)
        if reply.error is not None:
            await self._forget_stale([reply])
            raise reply.error
        return reply

    async def run_all(
        self, requests: Sequence[Request], *, seconds: float
    ) -> tuple[Reply, ...]:
        """Run statements in one round trip; each reply has its own error.

        Behind a pooler they run one after the other.

        Raises:
            TargetUnreachable: the connection is lost.
            QueryTimedOut: it was given up after `seconds` and the grace.
        """
        if self.pooler is not Pooler.NONE:
            return await self._bounded(self._run_in_turn(requests), seconds)
        replies = await self._bounded(run_pipeline(self.connection, requests), seconds)
        await self._forget_stale(replies)
        return replies

    async def close(self) -> None:
        """Close the connection; behind a session pooler, leave it as it was found."""
        if self.is_open and self.pooler is Pooler.SESSION:
            with contextlib.suppress(TargetError):
                await self.run(_DISCARD, seconds=_CLOSE_SECONDS)
        await self.connection.close()

    async def _bounded(self, running: Awaitable[T], seconds: float) -> T:
        self._notices.clear()
        # A cancel request through a pooler may hit what runs there by then.
        can_cancel = self.pooler is Pooler.NONE
        grace = self.limits.grace.total_seconds() if can_cancel else 0.0
        try:
            return await bounded(self.connection, running, seconds=seconds, grace=grace)
        except psycopg.Error as error:
            what = f'use the connection to database "{self.dbname}"'
            raise translate(error, what=what) from error

    async def _forget_stale(self, replies: Sequence[Reply]) -> None:
        """Let statements be prepared anew when one of them cannot be used."""
        causes = [reply.error.__cause__ for reply in replies if reply.error]
        states = {c.sqlstate for c in causes if isinstance(c, psycopg.Error)}
        if self.is_open and states & _STALE_PREPARED:
            kept = tuple(self._notices)
            running = run_one(self.connection, _DEALLOCATE)
            await self._bounded(running, self.step_seconds)
            self._notices.extend(kept)

    async def _run_in_turn(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        return tuple([await run_one(self.connection, r) for r in requests])

    async def _settle(self, dial: Dial) -> None:
        """Learn where we are, then set what startup could not and check it all."""
        wanted = {
            **session_settings.settings_for(self.purpose, self.limits),
            **session_settings.newer_settings(self.connection.info.server_version),
        }
        read = session_settings.read_request(wanted)
        found = self._found(await self.run(read, seconds=self.step_seconds))
        if poolers.is_pooled(self.connection.info.backend_pid, self.backend_pid):
            self._distrust()
            self.pooler = await self._classify(dial)
        missing = session_settings.lacking(wanted, found)
        # Through a transaction pooler our settings would reach other clients.
        if missing and self.pooler is not Pooler.TRANSACTION:
            changes = [session_settings.set_request(n, wanted[n]) for n in missing]
            replies = await self.run_all([*changes, read], seconds=self.step_seconds)
            found = self._found(replies[-1])
            missing = session_settings.lacking(wanted, found)
        self.degraded = session_settings.describe(missing, found, self.pooler)

    def _found(self, reply: Reply) -> Mapping[str, str]:
        rows = [row for row in reply.rows if isinstance(row, SettingRow)]
        if reply.error is not None or not rows:
            raise reply.error or TargetUnreachable("the server shows no settings")
        self.backend_pid, self.dbname = rows[0].backend_pid, rows[0].datname
        return {row.name: row.setting for row in rows}

    def _distrust(self) -> None:
        """Take a pooler for a transaction pooler until it has proved otherwise."""
        self.pooler = Pooler.TRANSACTION
        # A backend may have another client's prepared statement of the same name.
        self.connection.prepare_threshold = None

    async def _classify(self, dial: Dial) -> Pooler:
        """Ask for backends in turns with a second connection, see `pooler`."""
        try:
            connection = await dial()
        except TargetError:
            return Pooler.TRANSACTION
        peer = Session(connection, purpose=self.purpose, limits=self.limits)
        peer._distrust()
        askers = {"a": self, "b": peer}
        try:
            pids = [await _backend_of(askers[turn]) for turn in poolers.TURNS]
        except (QueryTimedOut, TargetUnreachable):
            # It may be a session pooler that has no second backend to give.
            if not self.is_open:
                raise
            return Pooler.TRANSACTION
        finally:
            await connection.close()
        return poolers.classify(poolers.TURNS, pids)

    @property
    def step_seconds(self) -> float:
        """Return how long each step of setting up a session may take."""
        return max(2.0, self.limits.connect.total_seconds())

    def _keep_notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        severity = diagnostic.severity_nonlocalized or diagnostic.severity or "NOTICE"
        said = clean_line(diagnostic.message_primary or "", limit=500)
        self._notices.append(f"{severity}: {said}")


async def _backend_of(session: Session) -> int:
    reply = await session.run(_BACKEND, seconds=session.step_seconds)
    match reply.rows:
        case ((int(pid),),):
            return pid
        case _:
            raise TargetUnreachable("the server does not tell its process id")
