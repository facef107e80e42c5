"""Tables and bloat: what is large, what is waste, what is read and written."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section, wide
from dashboards.rows import activity, health, tables

CHECKS = (
    "table_bloat",
    "dead_tuples",
    "sequence_exhaustion",
    "partition_.+",
    "checksum_failures",
)


def dashboard() -> Json:
    """Return the dashboard of tables."""
    return board(
        uid="pgvigil-tables",
        title="Tables and bloat",
        description="Tables by size, bloat, growth and use.",
        anchor="#tables",
        sections=[
            Section("Findings", list(health.findings_about("tables", CHECKS))),
            Section("Sizes", list(tables.inventory())),
            Section("Bloat", list(tables.bloat())),
            Section("Growth", wide([*tables.growth(), activity.sizes()], 6)),
            Section("Reads", list(tables.reads())),
            Section("Writes", wide(tables.writes(), 8, 8, 8, 12, 12)),
        ],
    )
