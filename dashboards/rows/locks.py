"""Who waits for whom, and how long."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import graph
from dashboards.parts import Query, Tile
from dashboards.promql import increase, largest, of_database, of_server, rate, total
from dashboards.rows.activity import named_waits


def blocked() -> Tile:
    """Return how many wait for a lock."""
    waiting = of_database("pg_stat_activity_connections", 'wait_event_type="Lock"')
    awaited = of_server("pg_locks_locks", 'datname=~"$datname|"', 'granted="false"')
    return graph(
        "Blocked backends",
        "Client connections that wait for a lock, and locks that are awaited. pgvigil's"
        " page shows who blocks whom.",
        [
            Query(f"sum({waiting}) or vector(0)", "blocked connections"),
            Query(f"sum({awaited}) or vector(0)", "locks awaited"),
        ],
        unit="none",
    )


def deadlocks() -> Tile:
    """Return deadlocks."""
    found = increase(of_database("pg_stat_database_deadlocks_total"))
    return graph(
        "Deadlocks",
        "Deadlocks between two points of the graph. The server's log has details.",
        [Query(total("server, datname", found), "{{server}} {{datname}}")],
        unit="none",
    )


def locks() -> Iterator[Tile]:
    """Yield which locks there are."""
    yield blocked()
    for granted, title, text in (
        ("false", "Locks awaited", "Locks that somebody waits for, by mode and kind."),
        ("true", "Locks held", "Locks that are held, by mode and kind of object."),
    ):
        found = of_server(
            "pg_locks_locks", 'datname=~"$datname|"', f'granted="{granted}"'
        )
        yield graph(
            title,
            f"{text} AccessExclusiveLock keeps even readers out.",
            [Query(total("mode, locktype", found), "{{mode}} {{locktype}}")],
            unit="none",
            stacked=True,
        )


def transactions() -> Iterator[Tile]:
    """Yield how old what is open has become."""
    for name, title, text in (
        (
            "xact",
            "Oldest transactions",
            "Age of the oldest open transaction of each application.",
        ),
        (
            "query",
            "Longest statements",
            "How long the longest running statement of each application has run.",
        ),
    ):
        age = of_database(f"pg_stat_activity_max_{name}_seconds")
        yield graph(
            title,
            f"{text} Long ones hold locks, and hold back VACUUM.",
            [
                Query(
                    f"topk(10, {largest('server, datname, application_name', age)})",
                    "{{server}} {{datname}} {{application_name}}",
                )
            ],
            unit="s",
        )
    idle = rate(of_database("pg_stat_database_idle_in_transaction_time_seconds_total"))
    yield graph(
        "Time idle in transaction",
        "Seconds per second that sessions hold a transaction open and do nothing, which"
        " is the average number of such sessions; from PostgreSQL 14.",
        [Query(total("server, datname", idle), "{{server}} {{datname}}")],
        unit="none",
    )


def waits() -> Iterator[Tile]:
    """Yield what connections wait for, and what was given up."""
    waiting = of_database("pg_stat_activity_connections", 'state!="idle"')
    yield graph(
        "Waits by application",
        "Connections that are not idle, by application and by what they wait for.",
        [
            Query(
                named_waits(total("application_name, wait_event_type", waiting)),
                "{{application_name}} {{wait_event_type}}",
            )
        ],
        unit="none",
        stacked=True,
    )
    yield deadlocks()


def conflicts() -> Iterator[Tile]:
    """Yield what standbys cancel to go on with replay."""
    kinds = ("snapshot", "lock", "bufferpin", "tablespace", "deadlock")
    yield graph(
        "Statements cancelled by recovery",
        "Statements that standbys cancelled between two points of the graph, because"
        " replay could not wait for them any longer, by reason.",
        [
            Query(
                f"sum({increase(of_database(f'pg_stat_database_conflicts_{kind}_total'))})",
                kind,
            )
            for kind in kinds
        ],
        unit="none",
        stacked=True,
    )
    cancelled = increase(of_database("pg_stat_database_conflicts_total"))
    yield graph(
        "Conflicts with recovery",
        "The same by server and database.",
        [Query(total("server, datname", cancelled), "{{server}} {{datname}}")],
        unit="none",
    )
    rolled = rate(of_database("pg_stat_database_xact_rollback_total"))
    yield graph(
        "Rollbacks",
        "Transactions rolled back per second: cancelled, failed, or ended so on"
        " purpose.",
        [Query(total("server, datname", rolled), "{{server}} {{datname}}")],
        unit="ops",
    )
