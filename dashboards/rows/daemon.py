"""What watching costs, and whether it works."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import bars, graph
from dashboards.parts import Query, Tile
from dashboards.promql import (
    increase,
    largest,
    of_daemon,
    of_server,
    rate,
    top,
    total,
)

INSTANCE = "{{instance}}"


def ages() -> Tile:
    """Return how old what is shown of each server is."""
    age = largest("server", of_server("pgvigil_snapshot_age_seconds"))
    return graph(
        "Age of snapshots",
        "Time since the last successful cycle of each server, the ten oldest.",
        [Query(top(10, age))],
        unit="s",
    )


def cost() -> Tile:
    """Return what watching takes of the servers."""
    taken = rate(of_server("pgvigil_own_exec_seconds_total"))
    return graph(
        "What watching costs the servers",
        "Share of one CPU that our own statements take, the ten dearest servers."
        " Beyond the budget all intervals are stretched.",
        [Query(top(10, total("server", taken)))],
        unit="percentunit",
    )


def failures() -> Tile:
    """Return collectors that failed."""
    errors = increase(of_server("pgvigil_collector_errors_total"))
    return graph(
        "Failed collectors",
        "Runs of collectors that failed between two points of the graph. pgvigil's page"
        " names the error.",
        [Query(total("server", errors))],
        unit="none",
    )


def daemon() -> Iterator[Tile]:
    """Yield the daemon's own health and price."""
    yield ages()
    yield cost()
    yield failures()


def price() -> Iterator[Tile]:
    """Yield what else watching costs."""
    stretch = largest("server", of_server("pgvigil_governor_stretch_ratio"))
    yield graph(
        "Stretch of intervals",
        "Factor by which a server is read less often than configured, because reading"
        " it would exceed the budget; the ten largest.",
        [Query(top(10, stretch))],
        unit="none",
    )
    calls = rate(of_server("pgvigil_own_calls_total"))
    yield graph(
        "Own statements",
        "Statements of ours per second, the ten servers with most.",
        [Query(top(10, total("server", calls)))],
        unit="ops",
    )
    blocks = [
        Query(
            f"sum({rate(of_server(f'pgvigil_own_{name}_total'))})",
            name.replace("_", " "),
        )
        for name in ("blocks", "temp_blocks")
    ]
    yield graph(
        "Blocks of own statements",
        "Blocks per second that our own statements touch in shared buffers and in"
        " temporary files.",
        blocks,
        unit="ops",
    )
    yield from _contact()


def _contact() -> Iterator[Tile]:
    """Yield what it takes to reach the servers."""
    cycles = largest("server", of_server("pgvigil_cycle_duration_seconds"))
    yield graph(
        "Duration of cycles",
        "How long it took to read each server the last time, the ten slowest.",
        [Query(top(10, cycles))],
        unit="s",
    )
    used = largest("server", of_server("pgvigil_connections"))
    yield graph(
        "Own connections",
        "Our connections to each server, the ten with most.",
        [Query(top(10, used))],
        unit="none",
    )
    attempts = increase(of_server("pgvigil_connects_total"))
    failed = increase(of_server("pgvigil_connect_errors_total"))
    yield graph(
        "Connecting",
        "Connections made between two points of the graph, and attempts that failed,"
        " by class of error.",
        [
            Query(f"sum({attempts})", "made"),
            Query(total("class", failed), "{{class}}"),
        ],
        unit="none",
    )


def process() -> Iterator[Tile]:
    """Yield what the daemon takes of its own machine."""
    used = rate(of_daemon("process_cpu_seconds_total"))
    yield graph(
        "CPU of the daemon",
        "Share of one CPU that the daemon takes.",
        [Query(total("instance", used), INSTANCE)],
        unit="percentunit",
    )
    memory = of_daemon("process_resident_memory_bytes")
    yield graph(
        "Memory of the daemon",
        "Resident memory.",
        [Query(largest("instance", memory), INSTANCE)],
        unit="bytes",
    )
    opened = largest("instance", of_daemon("process_open_fds"))
    allowed = largest("instance", of_daemon("process_max_fds"))
    yield bars(
        "Open files",
        "Share of the files that the daemon may have open.",
        [Query(f"{opened} / {allowed}", INSTANCE)],
        unit="percentunit",
        steps={0: "green", 0.7: "orange", 0.9: "red"},
        maximum=1,
    )
