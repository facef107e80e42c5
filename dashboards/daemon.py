"""pgvigil itself: what it costs, what it could not read, what did not arrive."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section
from dashboards.rows import daemon, delivery, health, probing


def dashboard() -> Json:
    """Return the dashboard of the daemon."""
    return board(
        uid="pgvigil-daemon",
        title="pgvigil itself",
        description="Whether watching works, and what it costs.",
        anchor="#collectors",
        sections=[
            Section("State", list(delivery.state())),
            Section("Watching", list(daemon.daemon())),
            Section("Collectors", list(delivery.collectors())),
            Section("Price", list(daemon.price())),
            Section("Probes of row level security", list(probing.probing())),
            Section("Scrapes", list(delivery.scrapes())),
            Section("Alerts and configuration", list(delivery.alerts())),
            Section("Process", list(daemon.process())),
            Section("Servers", list(health.findings())),
        ],
    )
