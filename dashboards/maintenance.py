"""Maintenance and actions: what is due, what pgvigil proposes and has done."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section
from dashboards.rows import actions, health, vacuum

CHECKS = (
    "stale_statistics",
    "invalid_index",
    "table_bloat",
    "partition_.+",
    "expired_assignments",
    "counter_drift",
    "sequence_exhaustion",
    "extension_.+",
    "unsupported_reg_types",
)


def dashboard() -> Json:
    """Return the dashboard of maintenance."""
    return board(
        uid="pgvigil-maintenance",
        title="Maintenance and actions",
        description="Upkeep that is due, and what pgvigil does about it.",
        anchor="#actions",
        sections=[
            Section("Actions", list(actions.now())),
            Section("Journal", list(actions.journal())),
            Section("Findings", list(health.findings_about("upkeep", CHECKS))),
            Section("Upkeep", [*vacuum.upkeep(), *vacuum.last()]),
            Section("What is allowed", list(actions.abilities())),
        ],
    )
