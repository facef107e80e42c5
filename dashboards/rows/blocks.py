"""I/O by who did it and why, as PostgreSQL 16 and newer tell it."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import graph
from dashboards.parts import Query, Tile
from dashboards.promql import of_server, over, rate, total

_NEWER = "From PostgreSQL 16."


def _operations(name: str, labels: str) -> str:
    return total(labels, rate(of_server(f"pg_stat_io_{name}_total")))


def volumes() -> Iterator[Tile]:
    """Yield how much is read and written, by kind of backend."""
    labels, legend = "backend_type, context", "{{backend_type}} {{context}}"
    for name, title, text in (
        ("read_bytes", "Bytes read", "Bytes per second read from outside the buffers"),
        ("write_bytes", "Bytes written", "Bytes per second written out of the buffers"),
        ("extend_bytes", "Bytes of extension", "Bytes per second that files grow by"),
    ):
        yield graph(
            title,
            f"{text}, by kind of backend and context. {_NEWER}",
            [Query(_operations(name, labels), legend)],
            unit="Bps",
            stacked=True,
        )


def latencies() -> Iterator[Tile]:
    """Yield how long one operation takes."""
    labels, legend = "server, backend_type", "{{server}} {{backend_type}}"
    for verb in ("read", "write"):
        took = _operations(f"{verb}_time_seconds", labels)
        times = _operations(f"{verb}s", labels)
        yield graph(
            f"Time of one {verb}",
            f"Mean time of a {verb}; 0 where track_io_timing is off. {_NEWER}",
            [Query(over(took, times), legend)],
            unit="s",
        )
    yield graph(
        "Syncs",
        f"Syncs per second. By client backends they are a bad sign. {_NEWER}",
        [Query(_operations("fsyncs", labels), legend)],
        unit="ops",
    )


def buffers() -> Iterator[Tile]:
    """Yield what happens in shared buffers."""
    found = _operations("hits", "server")
    read = _operations("reads", "server")
    yield graph(
        "Blocks found",
        f"Share of blocks found in shared buffers, by all kinds of backends. {_NEWER}",
        [Query(over(found, f"{found} + {read}"))],
        unit="percentunit",
        maximum=1,
    )
    yield graph(
        "Evictions from shared buffers",
        "Blocks per second that had to leave to make room, by kind of backend and"
        f" context. {_NEWER}",
        [
            Query(
                _operations("evictions", "backend_type, context"),
                "{{backend_type}} {{context}}",
            )
        ],
        unit="ops",
        stacked=True,
    )
    allocated = rate(of_server("pg_stat_bgwriter_buffers_alloc_total"))
    stopped = rate(of_server("pg_stat_bgwriter_maxwritten_clean_total"))
    yield graph(
        "Buffers allocated",
        "Buffers per second that were given to new blocks, and how often the background"
        " writer stopped because it had written enough.",
        [
            Query(total("server", allocated), "{{server}} allocated"),
            Query(total("server", stopped), "{{server}} stopped"),
        ],
        unit="ops",
    )
