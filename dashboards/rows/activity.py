"""What clients do: connections, transactions, statements, locks."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import bars, graph
from dashboards.parts import Query, Tile
from dashboards.promql import (
    busiest,
    increase,
    of_database,
    of_server,
    over_range,
    rate,
)

CONNECTIONS = of_database("pg_stat_activity_connections")
SLOTS = (
    f"({of_server('pg_settings_max_connections')}"
    f" - {of_server('pg_settings_reserved_connections')})"
)
STATEMENTS = of_database("pg_stat_statements_exec_time_seconds_total")
RANKED = of_database("pg_stat_statements_exec_time_seconds_total", 'queryid!="other"')


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
    taken = of_server("pg_stat_activity_connections")
    yield bars(
        "Connection slots taken",
        "Share of the connections for ordinary roles that are taken, in all databases.",
        [Query(f"sum by (server) ({taken}) / sum by (server) {SLOTS}")],
        unit="percentunit",
        steps={0: "green", 0.8: "orange", 0.95: "red"},
        maximum=1,
    )
    active = of_database("pg_stat_activity_connections", 'state="active"')
    yield graph(
        "What active connections wait for",
        "Connections that run a statement, by what they wait for; no name is CPU.",
        [Query(f"sum by (wait_event_type) ({active})", "{{wait_event_type}}")],
        unit="none",
        stacked=True,
    )


def work() -> Iterator[Tile]:
    """Yield what databases do."""
    commits = rate(of_database("pg_stat_database_xact_commit_total"))
    rollbacks = rate(of_database("pg_stat_database_xact_rollback_total"))
    yield graph(
        "Transactions",
        "Transactions committed and rolled back per second.",
        [
            Query(f"sum by (server) ({commits})", "{{server}} committed"),
            Query(f"sum by (server) ({rollbacks})", "{{server}} rolled back"),
        ],
        unit="ops",
    )
    hits = rate(of_database("pg_stat_database_blks_hit_total"))
    reads = rate(of_database("pg_stat_database_blks_read_total"))
    yield graph(
        "Cache hit ratio",
        "Share of blocks found in shared buffers. Reads from the system's cache count"
        " as misses. Without any reads there is no ratio.",
        [
            Query(
                f"sum by (server) ({hits})\n  / (sum by (server) ({hits})"
                f" + sum by (server) ({reads}) > 0)"
            )
        ],
        unit="percentunit",
        maximum=1,
    )
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
    yield from _files()


def _files() -> Iterator[Tile]:
    temporary = rate(of_database("pg_stat_database_temp_bytes_total"))
    yield graph(
        "Temporary files",
        "Bytes written by sorts and hashes that did not fit into work_mem.",
        [Query(f"sum by (server, datname) ({temporary})", "{{server}} {{datname}}")],
        unit="Bps",
    )
    times = [
        Query(
            "sum by (server) ("
            f"{rate(of_database(f'pg_stat_database_blk_{verb}_time_seconds_total'))})",
            f"{{{{server}}}} {verb}",
        )
        for verb in ("read", "write")
    ]
    yield graph(
        "Time in data files",
        "Seconds per second that backends spend reading and writing data files. 0 where"
        " track_io_timing is off.",
        times,
        unit="none",
    )
    sizes = of_database("pg_database_size_bytes")
    yield graph(
        "Sizes of databases",
        "Size on disk; measured every five minutes.",
        [Query(f"max by (server, datname) ({sizes})", "{{server}} {{datname}}")],
        unit="bytes",
    )


def statements() -> Iterator[Tile]:
    """Yield which statements take the time."""
    labels = "server, datname, usename, queryid"
    top = busiest(
        f"sum by ({labels}) ({rate(RANKED)})",
        f"sum by ({labels}) ({over_range(RANKED)})",
    )
    yield graph(
        "Time in statements",
        "Seconds of execution per second of the ten statements that took most, and of"
        " all others. Texts are on pgvigil's page, by queryid.",
        [
            Query(top, "{{server}} {{datname}} {{usename}} {{queryid}}"),
            Query(f"sum({rate(STATEMENTS)}) - sum({top})", "everything else"),
        ],
        unit="none",
        width=16,
        stacked=True,
    )
    calls = rate(of_database("pg_stat_statements_calls_total"))
    yield graph(
        "Mean time of statements",
        "Execution time by number of executions, over all statements.",
        [
            Query(
                f"sum by (server) ({rate(STATEMENTS)})"
                f"\n  / (sum by (server) ({calls}) > 0)"
            )
        ],
        unit="s",
    )


def locks() -> Iterator[Tile]:
    """Yield who waits for whom."""
    blocked = of_database("pg_stat_activity_connections", 'wait_event_type="Lock"')
    awaited = of_database("pg_locks_locks", 'granted="false"')
    yield graph(
        "Blocked backends",
        "Client connections that wait for a lock, and locks that are awaited.",
        [
            Query(f"sum({blocked}) or vector(0)", "blocked connections"),
            Query(f"sum({awaited}) or vector(0)", "locks awaited"),
        ],
        unit="none",
    )
    held = of_database("pg_locks_locks", 'granted="true"')
    yield graph(
        "Locks held",
        "Locks that are held, by mode.",
        [Query(f"sum by (mode) ({held})", "{{mode}}")],
        unit="none",
    )
    deadlocks = increase(of_database("pg_stat_database_deadlocks_total"))
    yield graph(
        "Deadlocks",
        "Deadlocks between two points of the graph. The server's log has details.",
        [Query(f"sum by (server, datname) ({deadlocks})", "{{server}} {{datname}}")],
        unit="none",
    )
