"""The fleet: hundreds of servers by what is wrong with them, one row each."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section
from dashboards.rows import daemon, delivery, health, servers


def dashboard() -> Json:
    """Return the dashboard of many servers."""
    return board(
        uid="pgvigil-fleet",
        title="Fleet",
        description="All servers in one table, and the worst of everything.",
        anchor="#targets",
        sections=[
            Section("Now", list(health.now())),
            Section("Servers", list(servers.each())),
            Section("Findings", list(servers.findings())),
            Section("Worst", list(servers.worst())),
            Section("Versions", list(servers.versions())),
            Section("pgvigil", [daemon.cost(), daemon.failures(), delivery.series()]),
        ],
    )
