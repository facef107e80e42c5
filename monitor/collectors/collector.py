"""What every collector is: it asks and reads, but never talks.

The runtime gathers the requests of all collectors that are due in a database,
runs them in one pipeline, and hands each collector its own replies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from monitor.model.catalog import Catalog
from monitor.model.server import Server
from monitor.model.snapshot import Reading, Sheet
from monitor.model.target import Target
from monitor.model.view import StatementText
from monitor.postgres.request import Reply, Request

Lane = Literal["poll", "side"]
"""poll: cheap, takes no relation lock, one pipeline a cycle. side: the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where collectors are built for: one database of one target's server.

    `is_control` marks the database of the target's own DSN, in which
    collectors of scope server run.
    """

    target: Target
    server: Server
    datname: str
    is_control: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When replies were read: our clock, the wall clock, the server's epoch."""

    monotonic: float
    now: datetime
    epoch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a collector made of its replies; all parts are optional."""

    readings: tuple[Reading[Any], ...] = ()
    sheets: tuple[Sheet, ...] = ()
    catalog: Catalog | None = None
    texts: Mapping[int, StatementText] = field(default_factory=dict[int, StatementText])
    roles: Mapping[int, str] = field(default_factory=dict[int, str])
    databases: Mapping[int, str] = field(default_factory=dict[int, str])
    bypassing: frozenset[int] = frozenset()


class Collector(Protocol):
    """One collector in one place. Keeps what it needs between cycles."""

    @property
    def name(self) -> str:
        """Return the stable name: the query's, for instance `stat_database`."""
        ...

    @property
    def lane(self) -> Lane:
        """Return which connection it runs on."""
        ...

    @property
    def interval(self) -> timedelta:
        """Return how often it is due, before the governor stretches it."""
        ...

    @property
    def timeout(self) -> timedelta:
        """Return its own deadline; side lane only, the poll lane has one for all."""
        ...

    @property
    def skipped(self) -> str:
        """Return why it never runs in this place, empty if it does."""
        ...

    def requests(self) -> tuple[Request, ...]:
        """Return the statements to run now; none means nothing to do."""
        ...

    def read(self, replies: Sequence[Reply], moment: Moment) -> Collected:
        """Return what the replies say; called only if none has an error.

        Raises:
            TargetError: the replies do not have the shape that was asked for.
        """
        ...
