"""WAL: how much is written, what checkpoints and the archive make of it."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import graph
from dashboards.parts import Query, Tile
from dashboards.promql import increase, largest, of_server, over, rate, total


def written() -> Tile:
    """Return how much WAL is written."""
    found = rate(of_server("pg_stat_wal_bytes_total"))
    return graph(
        "WAL written",
        "Bytes of WAL per second; from PostgreSQL 14.",
        [Query(total("server", found))],
        unit="Bps",
    )


def wal() -> Iterator[Tile]:
    """Yield how much WAL is written, and why."""
    yield written()
    images = total("server", rate(of_server("pg_stat_wal_fpi_total")))
    records = total("server", rate(of_server("pg_stat_wal_records_total")))
    yield graph(
        "Full page images",
        "Share of WAL records with a whole page, which the first change after each"
        " checkpoint writes. Many say that checkpoints are too frequent.",
        [Query(over(images, records))],
        unit="percentunit",
    )
    kept = of_server("pg_wal_directory_size_bytes")
    limit = of_server("pg_setting_max_wal_size_bytes")
    yield graph(
        "WAL on disk",
        "Size of the WAL directory. Above the dashed line something keeps it: a slot,"
        " the archive, or a burst.",
        [
            Query(largest("server", kept)),
            Query(f"min({limit})", "max_wal_size", is_limit=True),
        ],
        unit="bytes",
    )
    full = rate(of_server("pg_stat_wal_buffers_full_total"))
    yield graph(
        "WAL buffers full",
        "Times per second that a backend had to write WAL because its buffers were"
        " full.",
        [Query(total("server", full))],
        unit="ops",
    )


def checkpoints() -> Iterator[Tile]:
    """Yield what checkpoints do."""
    begun = [
        Query(
            total("server", increase(of_server(f"pg_stat_checkpointer_{kind}_total"))),
            f"{{{{server}}}} {kind}",
        )
        for kind in ("timed", "requested")
    ]
    yield graph(
        "Checkpoints",
        "Checkpoints begun between two points of the graph. Many requested"
        " ones say that max_wal_size is small.",
        begun,
        unit="none",
    )
    yield from _background()


def _background() -> Iterator[Tile]:
    """Yield what is written behind the backs of clients."""
    times = [
        Query(
            total(
                "server",
                rate(of_server(f"pg_stat_checkpointer_{what}_time_seconds_total")),
            ),
            f"{{{{server}}}} {what}",
        )
        for what in ("write", "sync")
    ]
    yield graph(
        "Time of checkpoints",
        "Seconds per second that checkpoints write and sync. Long syncs stall others.",
        times,
        unit="none",
    )
    buffers = rate(of_server("pg_stat_checkpointer_buffers_written_total"))
    cleaned = rate(of_server("pg_stat_bgwriter_buffers_clean_total"))
    yield graph(
        "Buffers written in the background",
        "Buffers per second written by checkpoints and by the background writer.",
        [
            Query(total("server", buffers), "{{server}} checkpoints"),
            Query(total("server", cleaned), "{{server}} background writer"),
        ],
        unit="ops",
    )


def archive() -> Iterator[Tile]:
    """Yield what becomes of finished WAL files."""
    archived = rate(of_server("pg_stat_archiver_archived_wal_total"))
    failed = rate(of_server("pg_stat_archiver_failed_archive_attempts_total"))
    yield graph(
        "WAL archived",
        "WAL files archived per second, and attempts that failed.",
        [
            Query(total("server", archived), "{{server}} archived"),
            Query(total("server", failed), "{{server}} failed"),
        ],
        unit="ops",
    )
    ages = [
        Query(
            largest("server", of_server(f"pg_stat_archiver_last_{end}_age_seconds")),
            f"{{{{server}}}} {end}",
        )
        for end in ("archived", "failed")
    ]
    yield graph(
        "Age of the archive",
        "Time since a WAL file was last archived, and since that last failed. What"
        " is newer would be lost with the server.",
        ages,
        unit="s",
    )
