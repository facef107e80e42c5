"""Commands that watch: for ever, or for one cycle."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

import click

from monitor import app
from monitor.cli.context import Source, settings_options
from monitor.cli.output import emit_json, emit_table
from monitor.cli.render import emit_findings
from monitor.cli.report import document, findings_of
from monitor.errors import MonitorError
from monitor.model.state import State

DEFAULT_SECONDS = 40.0
"""Two readings of what is read every 15 seconds, and time to connect."""


@click.command()
@settings_options
@click.option("--listen", help="HOST:PORT to bind; short for --set http.listen=….")
def run(source: Source, listen: str | None) -> int:
    """Watch until SIGTERM; SIGHUP reads the settings again.

    Never changes the structure of a database: `install` does that.
    """
    if listen is not None:
        changes = (*source.changes, f"http.listen={listen}")
        source = replace(source, changes=changes)
    settings = source.read_and_log()
    return asyncio.run(app.run(settings, read=source.read))


@click.command()
@settings_options
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=DEFAULT_SECONDS,
    show_default=True,
    help="How long to watch; deltas need two readings.",
)
@click.option(
    "--output",
    type=click.Choice(["table", "json", "metrics"]),
    default="table",
    show_default=True,
    help="metrics prints the exposition text.",
)
def once(source: Source, seconds: float, output: str) -> None:
    """Watch for a while, print what was found, and end.

    Exit status 2 when no server could be reached.
    """
    state = asyncio.run(app.once(source.read_and_log(), seconds=seconds))
    emit_state(state, output)
    require_reached(state)


def emit_state(state: State, output: str) -> None:
    """Print a state as people, programs or Prometheus want it."""
    if output == "json":
        emit_json(document(state))
    elif output == "metrics":
        body = state.exposition
        text = body.body(openmetrics=False, compressed=False) if body else b""
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    else:
        emit_findings(findings_of(state))
        click.echo()
        emit_targets(state)


def emit_targets(state: State) -> None:
    """Print one line for each target."""
    emit_table(
        ("target", "server", "databases", "series", "findings", "state"),
        (
            (
                target.target.name,
                target.server.version if target.server else None,
                len(target.server.databases) if target.server else None,
                target.exposition.series if target.exposition else 0,
                sum(tracked.state != "resolved" for tracked in target.findings),
                "up" if target.up else target.error or "down",
            )
            for target in state.targets
        ),
    )


def require_reached(state: State) -> None:
    """Refuse to call it a success when no server was reached at all.

    Raises:
        MonitorError: naming why the first one was not.
    """
    if state.targets and not any(target.up for target in state.targets):
        first = state.targets[0]
        raise MonitorError(
            f'could not watch target "{first.target.name}"',
            detail=first.error,
            hint="pgvigil config show prints where it connects.",
        )
