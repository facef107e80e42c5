"""What is wrong now: reachability, findings, the oldest of what should be young."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import number, states, table
from dashboards.parts import Column, Query, Tile
from dashboards.promql import of_database, of_server

GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"
PAGE = "${pgvigil:raw}"
UP = of_server("pg_up")
SEVERITIES = {3: ("critical", RED), 2: ("warning", ORANGE), 1: ("info", BLUE)}


def now() -> Iterator[Tile]:
    """Yield the figures that fit on one line."""
    yield number(
        "Servers up",
        "Servers that the last attempt reached.",
        [Query(f"sum({UP})", "up")],
        unit="none",
        steps={0: BLUE},
    )
    yield number(
        "Servers down",
        "Servers that could not be reached, or where no statement could be run.",
        [Query(f"sum(1 - {UP})", "down")],
        unit="none",
        steps={0: GREEN, 1: RED},
    )
    for severity, color in (("critical", RED), ("warning", ORANGE)):
        selector = _of_severity(severity)
        yield number(
            f"Open findings, {severity}",
            f"Findings of severity {severity} that nobody has muted.",
            [Query(f"sum({selector}) or vector(0)", severity)],
            unit="none",
            steps={0: GREEN, 1: color},
        )
    oldest = of_database("pg_stat_activity_max_xact_seconds")
    yield number(
        "Oldest transaction",
        "Age of the oldest open transaction. It holds back VACUUM, and its locks.",
        [Query(f"max({oldest}) or vector(0)", "oldest")],
        unit="s",
        steps={0: GREEN, 300: ORANGE, 3600: RED},
    )
    yield number(
        "Age of what you see",
        "Time since the last successful cycle of the server that is furthest behind.",
        [Query(f"max({of_server('pgvigil_snapshot_age_seconds')})", "age")],
        unit="s",
        steps={0: GREEN, 60: ORANGE, 300: RED},
    )


def findings() -> Iterator[Tile]:
    """Yield who is up and what has been found."""
    yield states(
        "Reachability",
        "Whether each server could be reached.",
        [Query(f"min by (server) ({UP})")],
        names={0: ("down", RED), 1: ("up", GREEN)},
    )
    yield table(
        "Open findings",
        "The check's page says what it means and what to do; the server's page has the"
        " evidence and the SQL.",
        " or ".join(_ranked(rank, name) for rank, (name, _) in SEVERITIES.items()),
        columns=[
            Column("Value", "Severity", names=SEVERITIES),
            Column("check", "Check", link=f"{PAGE}/runbooks/${{__value.raw}}"),
            Column("server", "Server", link=f"{PAGE}/?target=${{__value.raw}}"),
            Column("datname", "Database"),
            Column("object", "Object"),
        ],
        sort_by="Severity",
    )


def _of_severity(severity: str) -> str:
    # What concerns the whole server has no database, and always shows.
    matchers = (f'severity="{severity}"', 'datname=~"$datname|"')
    return of_server("pgvigil_finding", *matchers)


def _ranked(rank: int, severity: str) -> str:
    """Return the open findings of a severity, with its rank for a value."""
    labels = "server, datname, check, object"
    return f"{rank} * (max by ({labels}) ({_of_severity(severity)} == 1))"
