"""Commands about alerts: try the way to receivers, export the rule files."""

from __future__ import annotations

import asyncio
import getpass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from monitor import resources
from monitor.cli.context import Source, settings_options
from monitor.cli.exports import copy
from monitor.cli.output import emit_json, emit_line, emit_table, output_option
from monitor.errors import ConfigError
from monitor.model.alert import Alert, AlertState
from monitor.model.finding import Severity
from monitor.model.state import NotifierStatus
from monitor.settings import Settings, receivers

PGVIGIL = "http://pgvigil.example:9843"
GRAFANA = "http://grafana.example:3000"
AVAILABILITY = 99.9
"""Placeholders in the shipped files, and their objective."""


@click.group()
def alerts() -> None:
    """Try the way to receivers; export the rule files for Prometheus."""


@alerts.command()
@settings_options
@click.option("--resolve", is_flag=True, help="Send that it is over.")
@output_option
def test(source: Source, output: str, *, resolve: bool) -> int:
    """Send the alert PgvigilTest to every receiver of the settings.

    Exit status 1 when one did not take it.
    """
    settings = source.read_and_log()
    if not (settings.alerting.alertmanagers or settings.alerting.webhooks):
        raise ConfigError(
            "the settings name no Alertmanager and no webhook",
            hint="Give alerting.alertmanagers or alerting.webhooks a list of {url: …}.",
        )
    statuses = asyncio.run(_send(settings, trial_alert(is_over=resolve)))
    rows = [(one.receiver, one.sent_total == 1, one.error) for one in statuses]
    if output == "json":
        names = ("receiver", "taken", "error")
        emit_json({"receivers": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        emit_table(("receiver", "taken", "error"), rows)
    return int(not all(taken for _, taken, _ in rows))


async def _send(settings: Settings, alert: Alert) -> list[NotifierStatus]:
    chosen = receivers.notifiers(settings, _now)
    await asyncio.gather(*(notifier.send_once([alert]) for notifier in chosen))
    return [notifier.status for notifier in chosen]


def trial_alert(*, is_over: bool) -> Alert:
    """Return an alert that wakes nobody and says where it comes from."""
    now = _now()
    return Alert(
        fingerprint="pgvigil-test",
        name="PgvigilTest",
        severity=Severity.INFO,
        state=AlertState.RESOLVED if is_over else AlertState.FIRING,
        labels={"alertname": "PgvigilTest", "severity": Severity.INFO.value},
        annotations={
            "summary": "This is a test of the way from pgvigil to here.",
            "description": f"{getpass.getuser()} ran pgvigil alerts test.",
        },
        active_since=now,
        fired_at=now,
        resolved_at=now if is_over else None,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def objective(availability: float) -> tuple[str, ...]:
    """Return how the files state an objective for availability, in percent."""
    budget = round((100 - availability) / 100, 10)
    return (
        f"* {budget:.10g}",
        f"/ {budget:.10g}",
        f"factor {budget:.10g}",
        f"the objective is {100 * budget:.10g} %",
        f"in {availability:.10g} % of attempts",
        f"leaves {float(f'{30 * 24 * 60 * budget:.2g}'):g} minutes",
    )


def _address(
    _context: click.Context, _parameter: click.Parameter, given: str | None
) -> str | None:
    """Return an address without its last slash.

    Raises:
        click.BadParameter: it is none.
    """
    if given is None:
        return None
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise click.BadParameter("must be http://HOST:PORT or https://HOST, no query")
    return given.rstrip("/")


@alerts.command()
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("alerts"),
    show_default=True,
    help="Where to write the files.",
)
@click.option("--url", callback=_address, help="Where operators reach pgvigil.")
@click.option("--grafana-url", callback=_address, help="Where they reach Grafana.")
@click.option(
    "--availability",
    type=click.FloatRange(50, 100, min_open=True, max_open=True),
    default=AVAILABILITY,
    show_default=True,
    help="Percent of attempts over 30 days in which a server is to be usable.",
)
@output_option
def export(
    directory: Path,
    url: str | None,
    grafana_url: str | None,
    availability: float,
    output: str,
) -> None:
    """Write the rule files and runbooks that come with pgvigil.

    The links of every alert lead to the addresses given; without them to
    placeholders that have to be replaced.
    """
    root = resources.directory("alerts")
    files = [*root.rglob("*.yml"), *root.rglob("*.yaml"), *root.rglob("*.md")]
    known = {PGVIGIL: url, GRAFANA: grafana_url}
    replacing = {place: given for place, given in known.items() if given is not None}
    was, wanted = objective(AVAILABILITY), objective(availability)
    replacing |= dict(zip(was, wanted, strict=True))
    written = [str(path) for path in copy(files, root, directory, replacing)]
    if output == "json":
        emit_json({"files": written})
        return
    for path in written:
        emit_line(path)
