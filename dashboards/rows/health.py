"""What is wrong now: reachability, findings, the oldest of what should be young."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dashboards.links import EVIDENCE, RUNBOOK, SERVER_PAGE
from dashboards.panels import number, states, table
from dashboards.parts import Column, Query, Tile
from dashboards.promql import of_database, of_server

GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"
UP = of_server("pg_up")
SEVERITIES = {3: ("critical", RED), 2: ("warning", ORANGE), 1: ("info", BLUE)}
_WHAT_TO_DO = (
    "A click on the check opens what it means and what to do, one on the object the"
    " evidence and the SQL."
)


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
        selector = of_severity(severity)
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
    yield _open("Open findings", _WHAT_TO_DO, width=16)


def findings_about(subject: str, checks: Sequence[str]) -> Iterator[Tile]:
    """Yield what these checks and lints have found; patterns stand for several."""
    names = "|".join(checks)
    yield _open(
        f"Findings about {subject}",
        f"Open findings. {_WHAT_TO_DO}",
        f'check=~"{names}"',
        width=24,
    )


def of_severity(severity: str, *matchers: str) -> str:
    """Return the selector of findings of a severity, 1 for those not muted."""
    # What concerns the whole server has no database, and always shows.
    narrowed = (f'severity="{severity}"', 'datname=~"$datname|"', *matchers)
    return of_server("pgvigil_finding", *narrowed)


def _open(title: str, description: str, *matchers: str, width: int) -> Tile:
    labels = "server, datname, check, object"
    ranked = [
        f"{rank} * (max by ({labels}) ({of_severity(severity, *matchers)} == 1))"
        for rank, (severity, _) in SEVERITIES.items()
    ]
    return table(
        title,
        description,
        " or ".join(ranked),
        columns=[
            Column("Value", "Severity", names=SEVERITIES, width=90),
            Column("check", "Check", link=RUNBOOK),
            Column("server", "Server", link=SERVER_PAGE),
            Column("datname", "Database"),
            Column("object", "Object", link=EVIDENCE),
        ],
        sort_by="Severity",
        width=width,
    )
