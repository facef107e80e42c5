"""The connections an executor acts through: one that leads, another when it must."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from monitor.errors import TargetError
from monitor.model.target import Credentials
from monitor.postgres.acting import ActingOptions
from monitor.postgres.journal import Journal
from monitor.postgres.leader import lead
from monitor.postgres.precheck import UPKEEP, Objection, about_server, server_facts
from monitor.postgres.session import Limits, Purpose, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class ActAccess:
    """How an executor reaches its server.

    `credentials` lead to the control database: they hold the journal and the lead,
    and run VACUUM and ANALYZE. `ddl` are for indexes; None means the same ones.
    """

    credentials: Credentials
    ddl: Credentials | None = None
    instance: str = "pgvigil"

    def of(self, kind: str) -> Credentials:
        """Return the credentials for a kind of action."""
        return self.credentials if kind in UPKEEP else self.ddl or self.credentials


class ActSessions:
    """Opens connections as they are needed; the leading one stays open."""

    def __init__(self, access: ActAccess, options: ActingOptions) -> None:
        self._access = access
        self._options = options
        self._control: Session | None = None
        self.epoch = ""
        """The timeline of the server we lead; another one is another server."""

    async def lead(self) -> Journal | Objection:
        """Return the journal if this process may act on the server, or why not.

        Raises:
            TargetError: the server cannot be reached.
        """
        session = await self._leading()
        journal = Journal(session)
        if missing := await journal.problem():
            return Objection("no_journal", missing)
        facts = await server_facts(session)
        allow = self._options.allow_superuser
        if objection := about_server(session, facts, allow_superuser=allow):
            return objection
        if not await lead(session):
            return Objection("not_leader", "Another pgvigil acts on this server.")
        self.epoch = facts.epoch
        return journal

    @property
    def control(self) -> Session:
        """Return the session that leads.

        Raises:
            TargetError: there is none.
        """
        if self._control is None or not self._control.is_open:
            raise TargetError("the session that led is gone")
        return self._control

    @asynccontextmanager
    async def acting(self, kind: str, dbname: str) -> AsyncGenerator[Session]:
        """Give the session for an action: the leading one where it fits.

        Raises:
            TargetError: no connection, or one through which nothing may be changed.
        """
        control = self.control
        credentials = self._access.of(kind)
        if dbname == control.dbname and credentials is self._access.credentials:
            yield control
            return
        session = await self._open(credentials, dbname)
        try:
            facts = await server_facts(session)
            allow = self._options.allow_superuser
            if objection := about_server(session, facts, allow_superuser=allow):
                raise TargetError(objection.reason)
            yield session
        finally:
            await session.close()

    @asynccontextmanager
    async def spare(self) -> AsyncGenerator[Journal]:
        """Give the journal through a connection of its own, for a moment.

        An operator's word must not wait until a running action is over.

        Raises:
            TargetError: no connection.
        """
        session = await self._open(self._access.credentials, None)
        try:
            yield Journal(session)
        finally:
            await session.close()

    async def close(self) -> None:
        """Close the leading session, and give up the lead with it."""
        session, self._control = self._control, None
        if session is not None:
            await session.close()

    async def _leading(self) -> Session:
        if self._control is None or not self._control.is_open:
            self._control = await self._open(self._access.credentials, None)
        return self._control

    async def _open(self, credentials: Credentials, dbname: str | None) -> Session:
        return await Session.open(
            credentials,
            purpose=Purpose.ACT,
            instance=self._access.instance,
            dbname=dbname,
            limits=Limits(lock=self._options.lock_timeout),
        )
