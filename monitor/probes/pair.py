"""The two sessions of a probe: one that policies bind, one that sees all rows.

They are two logins because a policy's function runs in the first: it may call
`set_config('role', …)` for every role that its session's login is a member of.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from monitor.errors import InsufficientPrivilege, TargetError
from monitor.model.credentials import Credentials
from monitor.model.persona import RlsOptions
from monitor.model.server import Pooler
from monitor.postgres.session import Limits, Purpose, Session
from monitor.probes import login
from monitor.probes.login import LoginRow

_CLOSE_SECONDS = 2.0
# What a statement may take beyond the server's own limit before it is given up.
_GRACE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Opened:
    session: Session
    credentials: Credentials
    login: LoginRow


class ProbePair:
    """Opens both sessions on one database and closes them at the end of a round.

    Entering raises TargetError where a login cannot connect, and
    InsufficientPrivilege where the two are not fit for probing.
    """

    def __init__(self, options: RlsOptions, *, instance: str, database: str) -> None:
        self.options = options
        self.database = database
        self._instance = instance
        self._opened: list[_Opened] = []

    async def __aenter__(self) -> Self:
        if self.options.probe is None or self.options.bypass is None:
            raise _refusal("Both a probe and a bypass login have to be configured.")
        try:
            await self._open(self.options.probe)
            await self._open(self.options.bypass)
            self._judge()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def probe(self) -> Session:
        """Return the session that becomes a persona."""
        return self._opened[0].session

    @property
    def bypass(self) -> Session:
        """Return the session that policies do not bind."""
        return self._opened[1].session

    @property
    def is_open(self) -> bool:
        """Say whether both sessions were still there when they were last used."""
        return bool(self._opened) and all(e.session.is_open for e in self._opened)

    @property
    def seconds(self) -> float:
        """Return how long to wait for statements one of which the server may end."""
        return self.options.statement_timeout.total_seconds() + _GRACE_SECONDS

    async def _open(self, credentials: Credentials) -> None:
        session = await self._connect(credentials)
        try:
            _refuse_pooled(session)
            row = await login.read(session)
        except BaseException:
            await session.close()
            raise
        self._opened.append(_Opened(session, credentials, row))

    def _judge(self) -> None:
        logins = [each.login for each in self._opened]
        if reason := login.unfit(*logins, options=self.options):
            raise _refusal(reason)

    async def _connect(self, credentials: Credentials) -> Session:
        session = await Session.open(
            credentials,
            purpose=Purpose.PROBE,
            instance=self._instance,
            dbname=self.database,
            limits=Limits(
                statement=self.options.statement_timeout,
                lock=self.options.lock_timeout,
            ),
        )
        # Nothing is run often enough to be worth preparing.
        session.connection.prepare_threshold = None
        return session

    async def _close(self) -> None:
        """Close both sessions, and end what a given-up one may still be doing."""
        opened, self._opened = self._opened, []
        for each in opened:
            was_open = each.session.is_open
            await each.session.close()
            if not was_open:
                await self._terminate(each)

    async def _terminate(self, given_up: _Opened) -> None:
        """End a backend whose connection was given up.

        A function can catch the cancelling of its statement and go on, and switch
        off what makes the server look for its client. Nothing catches this.
        """
        with contextlib.suppress(TargetError):
            session = await self._connect(given_up.credentials)
            try:
                request = login.termination(given_up.login)
                await session.run(request, seconds=_CLOSE_SECONDS)
            finally:
                await session.close()


def _refuse_pooled(session: Session) -> None:
    if session.pooler is not Pooler.NONE:
        raise _refusal("Behind a pooler a probe has no connection of its own.")
    if session.degraded:
        raise _refusal(session.degraded)


def _refusal(reason: str) -> InsufficientPrivilege:
    return InsufficientPrivilege(
        "could not probe policies",
        detail=reason,
        hint='Compare the logins with "pgvigil print-grants".',
    )
