"""The connections to one server: persistent ones to poll, one that goes round.

`connections_per_server` is a promise to the server's owner: with a budget of n,
n - 2 connections poll the control database and the busiest others, one visits
the remaining databases in turn, one is left for an action or a probe. Only an
action in another database, or under other credentials than those that lead,
takes one beyond the budget while it runs; roles are limited to n + 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from monitor.errors import InsufficientPrivilege, TargetError
from monitor.model.target import Target
from monitor.postgres.session import Limits, Purpose, Session
from monitor.runtime.clock import Clock

SECONDS_BETWEEN_SIDE_CONNECTS = 1.0


class Links:
    """Opens, reuses and closes the sessions of one target within its budget."""

    def __init__(
        self,
        target: Target,
        *,
        instance: str,
        clock: Clock,
        limits: Limits,
        poll_statement: timedelta,
        side_statement: timedelta,
    ) -> None:
        self._target = target
        self._instance = instance
        self._clock = clock
        self._limits = {
            Purpose.POLL: replace(limits, statement=poll_statement),
            Purpose.SIDE: replace(limits, statement=side_statement),
        }
        self._polls: dict[str, Session] = {}
        self._wanted: set[str] = set()
        self._control = ""
        self._side: Session | None = None
        self._side_allowed_at = 0.0
        self._opening = 0
        self.connects_total = 0
        self.errors: Counter[str] = Counter()

    @property
    def poll_budget(self) -> int:
        """Return how many databases may have a connection of their own."""
        return max(1, self._target.connections_per_server - 2)

    @property
    def used(self) -> int:
        """Return how many connections are open or being opened."""
        sessions = [*self._polls.values(), self._side]
        return self._opening + sum(s is not None and s.is_open for s in sessions)

    @property
    def polled(self) -> Mapping[str, Session]:
        """Return the open polling sessions by database."""
        return {name: s for name, s in self._polls.items() if s.is_open}

    async def control(self) -> Session:
        """Return the polling session to the target's own database.

        Raises:
            TargetError: it could not be opened.
        """
        session = self._polls.get(self._control)
        if session is not None and session.is_open:
            return session
        session = await self._open(Purpose.POLL, None)
        self._control = session.dbname
        self._polls[session.dbname] = session
        return session

    async def poll(self, datname: str) -> Session | None:
        """Return the polling session to a database, None if the budget is spent.

        Raises:
            TargetError: it could not be opened.
        """
        session = self._polls.get(datname)
        if session is not None and session.is_open:
            return session
        self._polls = {name: s for name, s in self._polls.items() if s.is_open}
        # Databases are polled all at once: what is being opened counts, too, and
        # so does the control database's while it is away.
        taken = {self._control, *self._polls, *self._wanted}
        if datname not in taken and len(taken) >= self.poll_budget:
            return None
        self._wanted.add(datname)
        try:
            session = await self._open(Purpose.POLL, datname)
        finally:
            self._wanted.discard(datname)
        self._polls[datname] = session
        return session

    async def leave(self, datname: str) -> None:
        """Close the polling session to a database that is no longer watched."""
        if (session := self._polls.pop(datname, None)) is not None:
            await session.close()

    async def side(self, datname: str) -> Session:
        """Return the side session, moved to a database if it is in another.

        At most one new connection a second: forking a backend is not free.

        Raises:
            TargetError: it could not be opened.
        """
        if self._side is not None and self._side.is_open:
            if self._side.dbname == datname:
                return self._side
            await self._side.close()
        self._side = None
        wait = self._side_allowed_at - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(wait)
        self._side_allowed_at = self._clock.monotonic() + SECONDS_BETWEEN_SIDE_CONNECTS
        self._side = await self._open(Purpose.SIDE, datname)
        return self._side

    async def _open(self, purpose: Purpose, datname: str | None) -> Session:
        self._opening += 1
        try:
            session = await Session.open(
                self._target.credentials,
                purpose=purpose,
                instance=self._instance,
                dbname=datname,
                limits=self._limits[purpose],
            )
        except TargetError as error:
            self.errors[_error_class(error)] += 1
            raise
        finally:
            self._opening -= 1
        self.connects_total += 1
        return session

    async def close_polls(self) -> None:
        """Close the polling sessions, for instance because the server is gone."""
        sessions, self._polls = list(self._polls.values()), {}
        for session in sessions:
            await session.close()

    async def close(self) -> None:
        """Close everything."""
        await self.close_polls()
        if self._side is not None:
            side, self._side = self._side, None
            await side.close()


def _error_class(error: TargetError) -> str:
    """Return the value of the label `class`: few, stable, without names."""
    if isinstance(error, InsufficientPrivilege):
        return "privilege"
    return type(error).__name__.removeprefix("Target").lower()
