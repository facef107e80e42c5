"""Whether what pgvigil knows arrives: collectors, scrapes, alerts, its own state."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import graph, number, states, table
from dashboards.parts import Column, Query, Tile
from dashboards.promql import (
    increase,
    largest,
    of_daemon,
    of_server,
    so_far,
    top,
    total,
)

INSTANCE = "{{instance}}"
RECEIVER = "{{notifier}} {{receiver}}"


_REFUSALS = (
    (
        "State lost",
        (
            "Daemons that cannot use their state file: they forget mutes, alerts"
            " and usage windows when they restart."
        ),
        "pgvigil_state_file_usable",
    ),
    (
        "Configuration refused",
        (
            "Daemons that go on with an old configuration, because the one they"
            " were told to read is not usable."
        ),
        "pgvigil_config_last_reload_successful",
    ),
)


def state() -> Iterator[Tile]:
    """Yield whether the daemon is whole."""
    yield number(
        "Daemons",
        "Daemons that Prometheus scrapes.",
        [Query(f"count({of_daemon('pgvigil_build_info')})")],
        unit="none",
        steps={0: "blue"},
    )
    yield number(
        "Scheduler",
        "Time since the scheduler of a daemon last turned, the one furthest behind.",
        [Query(f"time() - min({of_daemon('pgvigil_heartbeat_timestamp_seconds')})")],
        unit="s",
        steps={0: "green", 60: "orange", 120: "red"},
    )
    for title, text, metric in _REFUSALS:
        yield number(
            title,
            text,
            [Query(f"sum(1 - {of_daemon(metric)})")],
            unit="none",
            steps={0: "green", 1: "red"},
        )
    yield from _losses()


def _losses() -> Iterator[Tile]:
    """Yield what was left out or did not arrive."""
    left_out = of_server("pgvigil_findings_left_out")
    yield number(
        "Findings left out",
        "Findings beyond the most urgent thousand of a server, which have no series."
        " pgvigil's page has them.",
        [Query(f"sum({left_out})")],
        unit="none",
        steps={0: "green", 1: "orange"},
    )
    undelivered = of_daemon("pgvigil_notifier_queued")
    yield number(
        "Alerts undelivered",
        "Alerts that wait to be sent. None without a receiver.",
        [Query(f"sum({undelivered}) or vector(0)")],
        unit="none",
        steps={0: "green", 1: "red"},
    )


def scrapes() -> Iterator[Tile]:
    """Yield what scrapes bring, and what they leave out."""
    yield graph(
        "Duration of scrapes",
        "How long Prometheus waited for a page, the ten slowest.",
        [Query(top(10, of_daemon("scrape_duration_seconds")), INSTANCE)],
        unit="s",
    )
    yield series()
    dropped = increase(of_server("pgvigil_series_dropped_total"))
    yield graph(
        "Series left out",
        "Series beyond a cap between two points of the graph, by family: raise the"
        " target's profile if you miss them.",
        [Query(f"{total('family', dropped)} or vector(0)", "{{family}}")],
        unit="none",
    )


def series() -> Tile:
    """Return how many series servers have."""
    found = largest("server", of_server("pgvigil_series"))
    return graph(
        "Series of servers",
        "Series exported of each server's statistics, the ten with most.",
        [Query(top(10, found))],
        unit="none",
    )


_COLUMNS = (
    Column("server", "Server"),
    Column("datname", "Database"),
    Column("collector", "Collector"),
    Column("Value #A", "Failed", unit="short", steps={0: "text", 1: "red"}),
    Column("Value #B", "Too slow", unit="short"),
    Column("Value #C", "Runs", unit="short"),
    Column("Value #D", "Last run", unit="s"),
    Column("Value #E", "Last success", unit="s"),
)


def collectors() -> Iterator[Tile]:
    """Yield how collectors fare."""
    labels = "server, datname, collector"
    failed = total(labels, so_far(of_server("pgvigil_collector_errors_total")))
    yield table(
        "Collectors",
        "How long the last run took, how long ago the last success was, and what failed"
        " within the time shown.",
        [
            failed,
            total(labels, so_far(of_server("pgvigil_collector_timeouts_total"))),
            total(labels, so_far(of_server("pgvigil_collector_runs_total"))),
            largest(labels, of_server("pgvigil_collector_duration_seconds")),
            "time() - "
            + largest(
                labels, of_server("pgvigil_collector_last_success_timestamp_seconds")
            ),
        ],
        columns=_COLUMNS,
        sort_by="Failed",
        width=14,
        height=12,
    )
    skipped = largest(
        "server, collector, reason", of_server("pgvigil_collector_skipped")
    )
    yield table(
        "Collectors that do not run",
        "What is not read of a server, and why.",
        skipped,
        columns=[
            Column("server", "Server"),
            Column("collector", "Collector"),
            Column("reason", "Reason"),
        ],
        sort_by="Server",
        width=10,
        height=12,
    )


def alerts() -> Iterator[Tile]:
    """Yield whether alerts arrive."""
    labels = "notifier, receiver"
    queued = of_daemon("pgvigil_notifier_queued")
    yield graph(
        "Alerts that wait",
        "Alerts that could not be delivered yet, by receiver.",
        [Query(total(labels, queued), RECEIVER)],
        unit="none",
    )
    for name, title, text in (
        ("sent", "Alerts sent", "Alerts delivered between two points of the graph."),
        (
            "failed",
            "Failed deliveries",
            (
                "Deliveries that failed between two points of the graph; they are tried"
                " again."
            ),
        ),
    ):
        found = increase(of_daemon(f"pgvigil_notifier_{name}_total"))
        yield graph(title, text, [Query(total(labels, found), RECEIVER)], unit="none")
    dropped = increase(of_daemon("pgvigil_notifier_dropped_total"))
    yield graph(
        "Alerts given up",
        "Alerts that nobody will get, because the queue was full or they were refused.",
        [Query(total(labels, dropped), RECEIVER)],
        unit="none",
    )
    yield from _stopped()


def _stopped() -> Iterator[Tile]:
    """Yield what was given up, stopped, or is old."""
    yield states(
        "Actions stopped",
        "Whether an operator has stopped all actions of a daemon.",
        [Query(largest("instance", of_daemon("pgvigil_paused")), INSTANCE)],
        names={0: ("no", "green"), 1: ("stopped", "orange")},
    )
    loaded = of_daemon("pgvigil_config_last_reload_success_timestamp_seconds")
    yield graph(
        "Age of the configuration",
        "Time since each daemon read the configuration in force.",
        [Query(f"time() - {largest('instance', loaded)}", INSTANCE)],
        unit="s",
    )
