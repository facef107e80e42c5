"""Connections: who holds them, how many are left, and PgBouncer's pools."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section, wide
from dashboards.rows import activity, clients, health

CHECKS = ("connection_slots", "pool_wait")


def dashboard() -> Json:
    """Return the dashboard of connections."""
    return board(
        uid="pgvigil-connections",
        title="Connections",
        description="Connections by what they do and whose they are.",
        anchor="#locks",
        sections=[
            Section("Findings", list(health.findings_about("connections", CHECKS))),
            Section("Now", list(activity.connections())),
            Section("Whose", list(clients.whose())),
            Section("Limits", list(clients.limits())),
            Section("Sessions", list(clients.sessions())),
            Section("PgBouncer", wide(clients.pools(), 6)),
        ],
    )
