"""All watched servers on one page: what is wrong, who works, who waits, what it costs.

Times of statements are seconds of execution per second, which is the average
number of backends at work. Rankings hold for the whole graph, so a line does not
come and go; what is not ranked is summed up as everything else.
"""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section
from dashboards.rows import (
    activity,
    daemon,
    health,
    locks,
    replication,
    statements,
    tables,
    vacuum,
    wal,
)


def dashboard() -> Json:
    """Return the overview of the chosen servers."""
    return board(
        uid="pgvigil-overview",
        title="Overview",
        description="PostgreSQL servers as pgvigil sees them.",
        anchor="#findings",
        sections=[
            Section("Now", list(health.now())),
            Section("Findings", list(health.findings())),
            Section("Connections", list(activity.connections())),
            Section("Statements", list(statements.busy())),
            Section("Work", list(activity.work())),
            Section(
                "Waiting",
                [locks.blocked(), locks.deadlocks(), replication.lag_in_seconds()],
            ),
            Section(
                "Upkeep",
                [*tables.dead(), vacuum.transaction_ids()],
            ),
            Section("Storage", [wal.written(), activity.sizes(), vacuum.horizon()]),
            Section("pgvigil itself", list(daemon.daemon())),
        ],
    )
