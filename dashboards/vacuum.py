"""Vacuum and wraparound: what is due, what holds it back, how long is left."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section, wide
from dashboards.rows import health, tables, vacuum

CHECKS = (
    "dead_tuples",
    "stale_statistics",
    "autovacuum_saturation",
    ".*wraparound",
    "xmin_horizon",
    "prepared_transaction",
)


def dashboard() -> Json:
    """Return the dashboard of VACUUM."""
    return board(
        uid="pgvigil-vacuum",
        title="Vacuum and wraparound",
        description="Whether VACUUM keeps up, and how near wraparound is.",
        anchor="#tables",
        sections=[
            Section("Findings", list(health.findings_about("VACUUM", CHECKS))),
            Section("Due", wide([*tables.dead(), *vacuum.upkeep()], 12, 12, 8, 8, 8)),
            Section("Done", list(vacuum.last())),
            Section("Held back", list(vacuum.holders())),
            Section("Wraparound", wide(vacuum.wraparound(), 6)),
        ],
    )
