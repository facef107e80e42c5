"""Targets as operators read them: reachable or not, what they are, what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_activity import ConnectionsRow
from monitor.model.server import Capability, Server
from monitor.model.shape import seconds
from monitor.model.state import CollectorStatus, OwnCost, TargetState
from monitor.model.view import View

CollectorState = Literal["ok", "failing", "stale", "skipped", "waiting"]

STALE_INTERVALS = 3
"""After so many of its intervals a family is withdrawn from /metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEntry:
    """What the server turned out to be."""

    version: str
    version_num: int
    is_newer_than_known: bool
    role: Literal["primary", "standby"]
    provider: str
    pooler: str
    login_role: str
    is_superuser: bool
    bypasses_rls: bool
    started_at: datetime
    system_identifier: str | None
    timeline: int | None
    databases: tuple[str, ...]
    extensions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConnections:
    """Client connections of the server; None where it has not been read."""

    used: int | None
    active: int | None
    idle_in_transaction: int | None
    max: int | None
    reserved: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorEntry:
    """One collector in one database; `database` is empty for the whole server."""

    name: str
    database: str
    state: CollectorState
    interval_seconds: float
    last_success: datetime | None
    duration_seconds: float | None
    rows: int
    runs_total: int
    errors_total: int
    timeouts_total: int
    error: str
    skipped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetEntry:
    """One target; `server` is None until it has been reached once."""

    name: str
    labels: Mapping[str, str]
    up: bool
    error: str
    up_since: datetime | None
    last_cycle: datetime | None
    cycle_seconds: float | None
    profile: str
    server: ServerEntry | None
    connections: ClientConnections
    own_connections: int
    own_connections_budget: int
    own_cost: OwnCost
    capabilities: tuple[Capability, ...]
    collectors: tuple[CollectorEntry, ...]
    findings: Mapping[str, int]
    series: int | None
    dropped_series: Mapping[str, int]


def target_entry(state: TargetState, at: datetime) -> TargetEntry:
    """Return one target as it stands at a moment."""
    target, server = state.target, state.server
    return TargetEntry(
        name=target.name,
        labels=target.labels,
        up=state.up,
        error=state.error,
        up_since=state.up_since,
        last_cycle=state.last_cycle,
        cycle_seconds=seconds(state.cycle_duration),
        profile=target.profile,
        server=_server(server) if server else None,
        connections=client_connections(state.view),
        own_connections=state.connections_used,
        own_connections_budget=target.connections_per_server,
        own_cost=state.own_cost,
        capabilities=server.capabilities if server else (),
        collectors=tuple(collector_entry(one, at) for one in state.collectors),
        findings=open_by_severity(state),
        series=state.exposition.series if state.exposition else None,
        dropped_series=state.dropped_series,
    )


def _server(server: Server) -> ServerEntry:
    extensions = server.extensions.items()
    return ServerEntry(
        version=server.version,
        version_num=server.version_num,
        is_newer_than_known=server.is_newer_than_known,
        role="standby" if server.is_standby else "primary",
        provider=server.provider,
        pooler=server.pooler.value,
        login_role=server.role,
        is_superuser=server.is_superuser,
        bypasses_rls=server.bypasses_rls,
        started_at=server.started_at,
        system_identifier=server.system_identifier,
        timeline=server.timeline,
        databases=server.databases,
        extensions={name: ".".join(map(str, e.version)) for name, e in extensions},
    )


def client_connections(view: View | None) -> ClientConnections:
    """Return how many connections clients hold, and how many there can be."""
    has_read = view is not None and view.has(ConnectionsRow)
    rows = view.rows(ConnectionsRow) if view is not None else ()
    settings = next(iter(view.rows(SettingsRow)), None) if view is not None else None

    def count(*states: str) -> int | None:
        if not has_read:
            return None
        return sum(r.connections for r in rows if not states or r.state in states)

    return ClientConnections(
        used=count(),
        active=count("active"),
        idle_in_transaction=count(
            "idle in transaction", "idle in transaction (aborted)"
        ),
        max=settings.max_connections if settings else None,
        reserved=settings.reserved_connections if settings else None,
    )


def collector_entry(status: CollectorStatus, at: datetime) -> CollectorEntry:
    """Return how a collector fares at a moment."""
    return CollectorEntry(
        name=status.name,
        database=status.datname,
        state=_collector_state(status, at),
        interval_seconds=status.interval.total_seconds(),
        last_success=status.last_success,
        duration_seconds=seconds(status.duration),
        rows=status.rows,
        runs_total=status.runs_total,
        errors_total=status.errors_total,
        timeouts_total=status.timeouts_total,
        error=status.error,
        skipped=status.skipped,
    )


def _collector_state(status: CollectorStatus, at: datetime) -> CollectorState:
    if status.skipped:
        return "skipped"
    if status.error:
        return "failing"
    if status.last_success is None:
        return "waiting"
    age = at - status.last_success
    return "stale" if age > STALE_INTERVALS * status.interval else "ok"


def open_by_severity(state: TargetState) -> dict[str, int]:
    """Return how many findings are open, by severity."""
    found = {"critical": 0, "warning": 0, "info": 0}
    for tracked in state.findings:
        if tracked.state == "open":
            found[tracked.finding.severity.value] += 1
    return found
