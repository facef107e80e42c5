"""The command that lists what a daemon has found wrong."""

from __future__ import annotations

from typing import Any

import click

from monitor.cli.client import Daemon, daemon_options
from monitor.cli.output import emit_json, output_option
from monitor.cli.render import emit_findings
from monitor.model.finding import Severity
from monitor.runtime.rules import aliases

_LEVELS = [severity.value for severity in Severity]


@click.command()
@daemon_options
@click.option("--target", help="Only of this target.")
@click.option("--severity", type=click.Choice(_LEVELS), help="At least so urgent.")
@click.option("--check", help="Only of this check; Supabase's name for it will do.")
@click.option("--all", "with_resolved", is_flag=True, help="Resolved ones, too.")
@output_option
def findings(
    *,
    daemon: Daemon,
    target: str | None,
    severity: str | None,
    check: str | None,
    with_resolved: bool,
    output: str,
) -> None:
    """List what a running daemon has found, the most urgent first."""
    found: list[dict[str, Any]] = daemon.get("/api/v1/findings")["findings"]
    check = check and aliases().get(check, check)
    chosen = [
        one
        for one in found
        if (with_resolved or one["state"] != "resolved")
        and target in (None, one["target"])
        and check in (None, one["check"])
        and is_at_least(one["severity"], severity)
    ]
    if output == "json":
        emit_json({"findings": chosen})
    else:
        emit_findings(chosen)


def is_at_least(severity: str, wanted: str | None) -> bool:
    """Say whether a severity is as urgent as wanted; everything is without a wish."""
    return wanted is None or Severity(severity).rank <= Severity(wanted).rank
