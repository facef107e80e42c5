"""WAL, replication and archiving: what is written, who has it, who is behind."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section, wide
from dashboards.rows import health, replication, wal

CHECKS = ("replication_.+", "archiver_failing", "checkpoint_pressure", "wal_volume")


def dashboard() -> Json:
    """Return the dashboard of WAL and what receives it."""
    return board(
        uid="pgvigil-wal",
        title="WAL, replication, archiving",
        description="WAL from its writing to standbys and the archive.",
        sections=[
            Section("Findings", list(health.findings_about("replication", CHECKS))),
            Section("Standbys", list(replication.standbys())),
            Section("Slots", list(replication.slots())),
            Section("WAL", wide(wal.wal(), 6)),
            Section("Checkpoints", list(wal.checkpoints())),
            Section("Archive", wide(wal.archive(), 12)),
        ],
    )
