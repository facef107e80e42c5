"""What probing row level security costs, and whether it goes on."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import graph, states
from dashboards.parts import Query, Tile
from dashboards.promql import increase, largest, of_server, rate, total


def probing() -> Iterator[Tile]:
    """Yield what probes take, and whether they run."""
    seconds = rate(of_server("pgvigil_rls_probe_seconds_total"))
    yield graph(
        "Time of probes",
        "Seconds per second that probes take on the server.",
        [Query(total("server", seconds))],
        unit="none",
    )
    rounds = [
        Query(
            total("server", increase(of_server(f"pgvigil_rls_probe_{name}_total"))),
            f"{{{{server}}}} {name}",
        )
        for name in ("rounds", "failures")
    ]
    yield graph(
        "Rounds of probes",
        "Rounds between two points of the graph, and those that failed.",
        rounds,
        unit="none",
    )
    yield states(
        "Probing",
        "Whether probes wait: for their budget, for the load to fall, or for an error"
        " to go.",
        [Query(largest("server", of_server("pgvigil_rls_probe_paused")))],
        names={0: ("on", "green"), 1: ("paused", "orange")},
    )
