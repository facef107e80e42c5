"""Many servers: one row each, and the ten worst of everything."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.links import SERVER_PAGE, to_board
from dashboards.panels import bars, graph, table
from dashboards.parts import Column, Query, Steps, Tile
from dashboards.promql import (
    largest,
    of_database,
    of_server,
    rate,
    so_far,
    top,
    total,
)
from dashboards.rows.activity import SLOTS
from dashboards.rows.health import BLUE, GREEN, ORANGE, RED, UP, of_severity

MOST = 500
"""Servers in the table, those with most to do first."""


def _found(severity: str) -> str:
    return total("server", of_severity(severity)) + f" or 0 * {_ALL}"


_ALL = largest("server", UP)
_TAKEN = (
    f"{total('server', of_server('pg_stat_activity_connections'))}"
    f" / {total('server', SLOTS)}"
)
_OLDEST = largest("server", of_database("pg_stat_activity_max_xact_seconds"))
_XID = largest("server", of_database("pg_stat_database_frozen_xid_age"))
_BEHIND = largest("server", of_server("pg_stat_replication_replay_lag_bytes"))
_AGE = largest("server", of_server("pgvigil_snapshot_age_seconds"))
_BUSY = total("server", rate(of_database("pg_stat_statements_exec_time_seconds_total")))


_COLUMNS = (
    Column("server", "Server", link=to_board("pgvigil-overview", "server")),
    Column("Value #C", "State", names={0: ("down", RED), 1: ("up", GREEN)}),
    Column(
        "Value #K",
        "Role",
        names={0: ("primary", "text"), 1: ("standby", "purple")},
    ),
    Column("Value #A", "Critical", steps={0: "text", 1: RED}),
    Column("Value #B", "Warnings", steps={0: "text", 1: ORANGE}),
    Column(
        "Value #D",
        "Snapshot",
        unit="s",
        steps={0: "text", 60: ORANGE, 300: RED},
    ),
    Column(
        "Value #E",
        "Slots taken",
        unit="percentunit",
        steps={0: "text", 0.8: ORANGE, 0.95: RED},
    ),
    Column("Value #F", "Commits", unit="short"),
    Column("Value #G", "Busy for", unit="s"),
    Column("Value #H", "Oldest xact", unit="s"),
    Column("Value #I", "Oldest xid", unit="short"),
    Column("Value #J", "Standby lag", unit="bytes"),
)


def each() -> Iterator[Tile]:
    """Yield one row for each server."""
    yield table(
        "Servers",
        "One row for each server, those with critical findings first; busy for is the"
        " time in statements within the time shown. A click opens the overview.",
        [
            top(MOST, _found("critical")),
            _found("warning"),
            f"min by (server) ({UP})",
            _AGE,
            _TAKEN,
            total("server", so_far(of_database("pg_stat_database_xact_commit_total"))),
            total(
                "server",
                so_far(of_database("pg_stat_statements_exec_time_seconds_total")),
            ),
            _OLDEST,
            _XID,
            _BEHIND,
            largest("server", of_server("pg_server_is_standby")),
        ],
        columns=_COLUMNS,
        sort_by="Critical",
        width=24,
        height=16,
    )


_WORST: tuple[tuple[str, str, str, str, Steps], ...] = (
    (
        "Oldest snapshots",
        "Time since the last successful cycle.",
        _AGE,
        "s",
        {0: GREEN, 60: ORANGE, 300: RED},
    ),
    (
        "Fullest servers",
        "Share of the connections for ordinary roles that are taken.",
        _TAKEN,
        "percentunit",
        {0: GREEN, 0.8: ORANGE, 0.95: RED},
    ),
    (
        "Busiest servers",
        "Seconds of execution per second: the average number of backends at work.",
        _BUSY,
        "none",
        {0: BLUE},
    ),
    (
        "Oldest transactions by server",
        "Age of the oldest open transaction.",
        _OLDEST,
        "s",
        {0: GREEN, 300: ORANGE, 3600: RED},
    ),
    (
        "Nearest to wraparound",
        "Transactions since the oldest tuple that is not frozen.",
        _XID,
        "short",
        {0: GREEN, 200_000_000: ORANGE, 1_000_000_000: RED},
    ),
    (
        "Furthest behind",
        "WAL that the slowest standby has not replayed, by its primary.",
        _BEHIND,
        "bytes",
        {0: GREEN, 100_000_000: ORANGE, 1_000_000_000: RED},
    ),
)


def worst() -> Iterator[Tile]:
    """Yield the ten worst of everything."""
    for title, text, expr, unit, steps in _WORST:
        yield bars(
            title,
            f"{text} The ten servers with most.",
            [Query(top(10, expr))],
            unit=unit,
            steps=steps,
        )


def findings() -> Iterator[Tile]:
    """Yield what is found most often, and where."""
    opened = of_server("pgvigil_finding", 'datname=~"$datname|"')
    yield graph(
        "Open findings by severity",
        "Findings that nobody has muted, of all chosen servers.",
        [Query(total("severity", opened), "{{severity}}")],
        unit="none",
        stacked=True,
    )
    yield bars(
        "Most frequent findings",
        "The checks with most open findings of severity critical and warning.",
        [
            Query(
                top(
                    15,
                    total(
                        "check",
                        of_server(
                            "pgvigil_finding",
                            'datname=~"$datname|"',
                            'severity=~"critical|warning"',
                        ),
                    ),
                ),
                "{{check}}",
            )
        ],
        unit="none",
        steps={0: BLUE},
    )
    yield from _counted()


def _counted() -> Iterator[Tile]:
    """Yield which checks and which servers have most."""
    yield bars(
        "Servers with most findings",
        "Open findings, critical and warning, the fifteen servers with most.",
        [
            Query(
                top(
                    15,
                    total(
                        "server",
                        of_server(
                            "pgvigil_finding",
                            'datname=~"$datname|"',
                            'severity=~"critical|warning"',
                        ),
                    ),
                )
            )
        ],
        unit="none",
        steps={0: BLUE},
    )


def versions() -> Iterator[Tile]:
    """Yield what servers and daemons run."""
    counted = f"count by (version) ({of_server('pg_server_info')})"
    yield bars(
        "Versions of PostgreSQL",
        "Servers by version.",
        [Query(f"topk(20, {counted})", "{{version}}")],
        unit="none",
        steps={0: BLUE},
    )
    labels = "server, version, provider, pooler"
    started = largest("server", of_server("pg_postmaster_start_timestamp_seconds"))
    pending = largest("server", of_server("pg_settings_pending_restart"))
    info = largest(labels, of_server("pg_server_info"))
    yield table(
        "Makes",
        "Version, provider and pooler of each server, how long it has run, and settings"
        " that wait for a restart. A click on a server opens pgvigil's page.",
        [
            f"{info} * on (server) group_left () (time() - {started})",
            f"{info} * on (server) group_left () {pending}",
        ],
        columns=[
            Column("server", "Server", link=SERVER_PAGE),
            Column("version", "Version"),
            Column("provider", "Provider"),
            Column("pooler", "Pooler"),
            Column("Value #A", "Running for", unit="s"),
            Column("Value #B", "Await restart", steps={0: "text", 1: ORANGE}),
        ],
        sort_by="Running for",
    )
