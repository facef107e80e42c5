"""The command `check`, for Nagios, Icinga and everything that reads exit statuses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from monitor import app
from monitor.cli.client import Daemon
from monitor.cli.context import Source, settings_options
from monitor.cli.daemon import DEFAULT_SECONDS
from monitor.cli.output import emit_json, emit_line, output_option
from monitor.cli.render import spell
from monitor.cli.report import count, findings_of
from monitor.errors import MonitorError
from monitor.model.finding import Severity

OK, WARNING, CRITICAL, UNKNOWN = range(4)
"""The exit statuses that monitoring plugins have."""

_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_MOST_LINES = 20


@click.command()
@settings_options
@click.option(
    "--url", envvar="PGVIGIL_URL", help="Ask a running daemon instead of the servers."
)
@click.option("--token-file", envvar="PGVIGIL_TOKEN_FILE", help="Token for the daemon.")
@click.option("--seconds", type=click.FloatRange(1, 3600), default=DEFAULT_SECONDS)
@click.option("--only", multiple=True, help="Judge by these checks only.")
@output_option
def check(
    *,
    source: Source,
    url: str | None,
    token_file: str | None,
    seconds: float,
    only: tuple[str, ...],
    output: str,
) -> int:
    """Say in one line and by exit status how things are.

    0 is OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    """
    try:
        if url:
            found = Daemon(url=url, token_file=token_file).get("/api/v1/findings")
            findings: list[dict[str, Any]] = found["findings"]
        else:
            cycle = app.once(source.read_and_log(), seconds=seconds)
            findings = findings_of(asyncio.run(cycle))
    except MonitorError as error:
        emit_line(f"PGVIGIL UNKNOWN - {error.message}")
        return UNKNOWN
    judged = [
        finding
        for finding in findings
        if finding["state"] == "open" and (not only or finding["check"] in only)
    ]
    status = judge(judged)
    if output == "json":
        emit_json({"status": _WORDS[status], "findings": judged})
    else:
        _emit(status, judged)
    return status


def judge(findings: Sequence[dict[str, Any]]) -> int:
    """Return the exit status for open findings."""
    counts = count(findings)
    if counts[Severity.CRITICAL]:
        return CRITICAL
    return WARNING if counts[Severity.WARNING] else OK


def _emit(status: int, findings: Sequence[dict[str, Any]]) -> None:
    counts = count(findings)
    words = ", ".join(f"{n} {severity}" for severity, n in counts.items() if n)
    figures = " ".join(f"{severity}={n}" for severity, n in counts.items())
    # A plugin's first line may not hold the bar that begins its figures.
    worst = f": {findings[0]['summary']}".replace("|", "/") if status else ""
    emit_line(f"PGVIGIL {_WORDS[status]} - {words or 'no findings'}{worst} | {figures}")
    for finding in findings[:_MOST_LINES]:
        if finding["severity"] != Severity.INFO:
            name = spell(finding["object"])
            emit_line(f"{finding['severity']}: {finding['check']}: {name}")
