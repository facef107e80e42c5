"""Indexes and advice: what is missing, what is not needed, what is broken."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section
from dashboards.rows import health, indexes

CHECKS = (
    "missing_index",
    "unused_index",
    "duplicate_index",
    "redundant_index",
    "index_volume",
    "invalid_index",
    "foreign_key_.+",
    "fkey_to_auth_unique",
    "no_primary_key",
)


def dashboard() -> Json:
    """Return the dashboard of indexes."""
    return board(
        uid="pgvigil-indexes",
        title="Indexes and advice",
        description="Advice on indexes with the figures that it rests on.",
        anchor="#indexes",
        sections=[
            Section("Advice", list(health.findings_about("indexes", CHECKS))),
            Section("Sizes and scans", list(indexes.inventory())),
            Section("Use", list(indexes.use())),
            Section("Without an index", list(indexes.missing())),
        ],
    )
