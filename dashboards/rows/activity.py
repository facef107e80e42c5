"""What clients do: connections, transactions, and what they wait for."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import bars, graph
from dashboards.parts import Query, Tile
from dashboards.promql import of_database, of_server, over, rate, total

CONNECTIONS = of_database("pg_stat_activity_connections")
SLOTS = (
    f"({of_server('pg_settings_max_connections')}"
    f" - {of_server('pg_settings_reserved_connections')})"
)


def connections() -> Iterator[Tile]:
    """Yield who is connected, and for what they wait."""
    yield graph(
        "Connections by state",
        "Client connections, and how many the servers accept from ordinary roles."
        " Connections that are idle in transaction hold locks and do nothing.",
        [
            Query(f"sum by (state) ({CONNECTIONS})", "{{state}}"),
            Query(f"sum({SLOTS})", "accepted", is_limit=True),
        ],
        unit="none",
        stacked=True,
    )
    yield slots()
    yield waits()


def slots() -> Tile:
    """Return how full the servers are."""
    taken = total("server", of_server("pg_stat_activity_connections"))
    return bars(
        "Connection slots taken",
        "Share of the connections for ordinary roles that are taken, in all databases;"
        " the ten fullest servers.",
        [Query(f"topk(10, {taken} / sum by (server) {SLOTS})")],
        unit="percentunit",
        steps={0: "green", 0.8: "orange", 0.95: "red"},
        maximum=1,
    )


def waits() -> Tile:
    """Return what those wait for that run a statement."""
    active = of_database("pg_stat_activity_connections", 'state="active"')
    return graph(
        "What active connections wait for",
        "Connections that run a statement, by what they wait for. Those that wait"
        " for nothing run, or wait for a CPU.",
        [Query(named_waits(total("wait_event_type", active)), "{{wait_event_type}}")],
        unit="none",
        stacked=True,
    )


def named_waits(vector: str) -> str:
    """Return a vector by wait events with a name for those that wait for none."""
    label = '"wait_event_type", "running", "wait_event_type", ""'
    return f"label_replace({vector}, {label})"


def work() -> Iterator[Tile]:
    """Yield what databases do."""
    transactions = [
        Query(
            f"sum({rate(of_database(f'pg_stat_database_xact_{end}_total'))})",
            f"{end}s",
        )
        for end in ("commit", "rollback")
    ]
    yield graph(
        "Transactions",
        "Transactions committed and rolled back per second.",
        transactions,
        unit="ops",
    )
    yield cache_hits()
    writes = [
        Query(f"sum({rate(of_database(f'pg_stat_database_tup_{verb}_total'))})", verb)
        for verb in ("inserted", "updated", "deleted")
    ]
    yield graph(
        "Tuples written",
        "Tuples inserted, updated and deleted per second.",
        writes,
        unit="ops",
        stacked=True,
    )


def cache_hits() -> Tile:
    """Return how often blocks were in shared buffers."""
    hits = total("server", rate(of_database("pg_stat_database_blks_hit_total")))
    reads = total("server", rate(of_database("pg_stat_database_blks_read_total")))
    return graph(
        "Cache hit ratio",
        "Share of blocks found in shared buffers. Reads from the system's cache count"
        " as misses. Without any reads there is no ratio.",
        [Query(over(hits, f"{hits} + {reads}"))],
        unit="percentunit",
        maximum=1,
    )


def temporary_files() -> Tile:
    """Return what did not fit into memory."""
    written = rate(of_database("pg_stat_database_temp_bytes_total"))
    return graph(
        "Temporary files",
        "Bytes written by sorts and hashes that did not fit into work_mem.",
        [Query(total("server, datname", written), "{{server}} {{datname}}")],
        unit="Bps",
    )


def file_times() -> Tile:
    """Return how long backends wait for data files."""
    times = [
        Query(
            total(
                "server",
                rate(of_database(f"pg_stat_database_blk_{verb}_time_seconds_total")),
            ),
            f"{{{{server}}}} {verb}",
        )
        for verb in ("read", "write")
    ]
    return graph(
        "Time in data files",
        "Seconds per second that backends spend reading and writing data files. 0 where"
        " track_io_timing is off.",
        times,
        unit="none",
    )


def sizes() -> Tile:
    """Return how large databases are."""
    found = of_database("pg_database_size_bytes")
    return graph(
        "Sizes of databases",
        "Size on disk; measured every five minutes.",
        [Query(f"max by (server, datname) ({found})", "{{server}} {{datname}}")],
        unit="bytes",
    )
