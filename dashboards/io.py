"""I/O: who reads and writes, how long that takes, and what stays in memory."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section
from dashboards.rows import activity, blocks, health, tables

CHECKS = ("cache_hit", "temp_files", "checksum_failures")


def dashboard() -> Json:
    """Return the dashboard of I/O."""
    reads = list(tables.reads())
    return board(
        uid="pgvigil-io",
        title="I/O",
        description="Reads and writes by who did them, and their time.",
        sections=[
            Section("Findings", list(health.findings_about("I/O", CHECKS))),
            Section("Volume", list(blocks.volumes())),
            Section("Time", list(blocks.latencies())),
            Section("Shared buffers", list(blocks.buffers())),
            Section(
                "Databases",
                [
                    activity.cache_hits(),
                    activity.file_times(),
                    activity.temporary_files(),
                ],
            ),
            Section("Tables", reads),
        ],
    )
