"""What pgvigil is told to watch: one server and how to reach it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from monitor.model.credentials import Credentials
from monitor.model.persona import RlsOptions

__all__ = ["Credentials", "Intervals", "Profile", "Target"]

Profile = Literal["minimal", "standard", "everything"]
"""How many series a target may export; checks always see everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """How often each kind of statistics is read."""

    activity: timedelta = timedelta(seconds=5)
    statements: timedelta = timedelta(seconds=15)
    tables: timedelta = timedelta(seconds=15)
    indexes: timedelta = timedelta(seconds=60)
    catalog: timedelta = timedelta(seconds=60)
    sizes: timedelta = timedelta(seconds=15)
    texts: timedelta = timedelta(seconds=60)
    capabilities: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One server to watch.

    `name` is the value of the label `server`. `labels` are the operator's own
    (team, env, …) and reach every series, finding and alert. `thresholds` are the
    target's own, by check and field; they win over the settings'. `maintainer` and
    `ddl` are the logins that act; without them actions run as the polling role.
    """

    name: str
    credentials: Credentials = field(default_factory=Credentials)
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    databases: tuple[str, ...] = ("*",)
    exclude_databases: tuple[str, ...] = ("rdsadmin", "cloudsqladmin", "azure_sys")
    connections_per_server: int = 3
    profile: Profile = "standard"
    intervals: Intervals = field(default_factory=Intervals)
    maintainer: Credentials | None = None
    ddl: Credentials | None = None
    pgbouncer: Credentials | None = None
    registered_standbys: int = 0
    rls: RlsOptions = field(default_factory=RlsOptions)
    thresholds: Mapping[str, Mapping[str, float | bool]] = field(
        default_factory=dict[str, Mapping[str, float | bool]]
    )
