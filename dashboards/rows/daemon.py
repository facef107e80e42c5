"""What watching costs, and whether it works."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import graph
from dashboards.parts import Query, Tile
from dashboards.promql import increase, of_daemon, of_server, rate


def daemon() -> Iterator[Tile]:
    """Yield the daemon's own health and price."""
    yield graph(
        "Age of snapshots",
        "Time since the last successful cycle of each server.",
        [Query(f"max by (server) ({of_server('pgvigil_snapshot_age_seconds')})")],
        unit="s",
    )
    cost = rate(of_server("pgvigil_own_exec_seconds_total"))
    yield graph(
        "What watching costs the servers",
        "Share of one CPU that our own statements take. Beyond the budget all intervals"
        " are stretched.",
        [Query(f"sum by (server) ({cost})")],
        unit="percentunit",
    )
    errors = increase(of_server("pgvigil_collector_errors_total"))
    yield graph(
        "Failed collectors",
        "Runs of collectors that failed between two points of the graph. pgvigil's page"
        " names them, and the error.",
        [Query(f"sum by (server) ({errors})")],
        unit="none",
    )
    yield from _process()


def _process() -> Iterator[Tile]:
    cycles = of_server("pgvigil_cycle_duration_seconds")
    yield graph(
        "Duration of cycles",
        "How long it took to read each server the last time.",
        [Query(f"max by (server) ({cycles})")],
        unit="s",
    )
    yield graph(
        "CPU of the daemon",
        "Share of one CPU that the daemon takes.",
        [
            Query(
                f"sum by (instance) ({rate(of_daemon('process_cpu_seconds_total'))})",
                "{{instance}}",
            )
        ],
        unit="percentunit",
    )
    memory = of_daemon("process_resident_memory_bytes")
    yield graph(
        "Memory of the daemon",
        "Resident memory.",
        [Query(f"sum by (instance) ({memory})", "{{instance}}")],
        unit="bytes",
    )
