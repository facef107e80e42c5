"""What a server turned out to be: version, role, extensions, capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

NEWEST_KNOWN_MAJOR = 18
OLDEST_SUPPORTED_MAJOR = 13


class Pooler(StrEnum):
    """What stands between us and the server, by behaviour rather than by name."""

    NONE = "none"
    SESSION = "session"
    TRANSACTION = "transaction"


@dataclass(frozen=True, slots=True)
class Extension:
    """An installed extension; `version` compares as numbers. Source: pg_extension."""

    name: str
    schema: str
    version: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One feature this server and role allow or not, with reason and cure.

    `name` is a stable identifier, for instance `statements` or `planner_stats`.
    """

    name: str
    available: bool
    reason: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The facts about a server that hold for many cycles.

    `system_identifier` and `timeline` are None where the role may not read them.
    `databases` are those that can be connected to, busiest first.
    `missing` is empty when every capability is there.
    """

    version_num: int
    version: str
    role: str
    database: str
    is_superuser: bool
    bypasses_rls: bool
    is_standby: bool
    system_identifier: str | None
    timeline: int | None
    started_at: datetime
    pooler: Pooler = Pooler.NONE
    provider: str = "self-hosted"
    databases: tuple[str, ...] = ()
    extensions: Mapping[str, Extension] = field(default_factory=dict[str, Extension])
    capabilities: tuple[Capability, ...] = ()

    @property
    def major(self) -> int:
        """Return the major version, 15 for 15.4."""
        return self.version_num // 10000

    @property
    def is_newer_than_known(self) -> bool:
        """Say whether this major version came out after this release of pgvigil."""
        return self.major > NEWEST_KNOWN_MAJOR

    def can(self, name: str) -> bool:
        """Say whether a capability is there; unknown names are not."""
        return any(c.name == name and c.available for c in self.capabilities)
