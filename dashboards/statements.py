"""Statements: which take the time, what they read, write and plan."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section
from dashboards.rows import health, statements

CHECKS = ("query_time", "statements_deallocated", "temp_files", "cache_hit")


def dashboard() -> Json:
    """Return the dashboard of all statements."""
    return board(
        uid="pgvigil-statements",
        title="Statements",
        description="Statements that take the time, and what else they take.",
        anchor="#statements",
        sections=[
            Section("Time", list(statements.busy())),
            Section("Ranking", list(statements.ranking())),
            Section("Resources", list(statements.resources())),
            Section("Findings", list(health.findings_about("statements", CHECKS))),
            Section("pg_stat_statements", list(statements.bookkeeping())),
        ],
    )
