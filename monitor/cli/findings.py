"""Commands that list what is wrong: from the daemon, or by lints alone."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from monitor import app
from monitor.cli.client import Daemon, daemon_options
from monitor.cli.context import Source, settings_options
from monitor.cli.daemon import require_reached
from monitor.cli.output import emit_json, output_option
from monitor.cli.render import emit_findings
from monitor.cli.report import findings_of
from monitor.model.finding import Severity
from monitor.runtime.rules import aliases, discover

LINT_SECONDS = 15.0
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


@click.command()
@settings_options
@click.option(
    "--fail-on",
    type=click.Choice([*_LEVELS, "never"]),
    default="warning",
    show_default=True,
    help="Exit with 1 when there is one at least so urgent.",
)
@click.option("--seconds", type=click.FloatRange(1, 3600), default=LINT_SECONDS)
@output_option
def lint(source: Source, fail_on: str, seconds: float, output: str) -> int:
    """Judge the catalogs of the servers: no traffic is needed, nothing is changed.

    For instance in CI, against a database with the schema that is to be released.
    """
    state = asyncio.run(app.once(source.read_and_log(), seconds=seconds))
    require_reached(state)
    found = [one for one in findings_of(state) if one["kind"] == "lint"]
    if output == "json":
        emit_json({"findings": [one | {"alias": _alias(one)} for one in found]})
    else:
        emit_findings(found)
    if fail_on == "never":
        return 0
    return int(any(is_at_least(one["severity"], fail_on) for one in found))


def _alias(finding: dict[str, Any]) -> str:
    rule = discover().get(finding["check"])
    return rule.alias if rule else ""


def is_at_least(severity: str, wanted: str | None) -> bool:
    """Say whether a severity is as urgent as wanted; everything is without a wish."""
    return wanted is None or Severity(severity).rank <= Severity(wanted).rank
