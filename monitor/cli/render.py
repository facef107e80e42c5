"""How findings look on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import click

from monitor.cli.output import colored
from monitor.logs import escape

_WIDTH = 88
_INDENT = " " * 10


def emit_findings(findings: Iterable[Mapping[str, Any]]) -> None:
    """Print findings in the shape of the API, the most urgent first as given."""
    count = 0
    for count, finding in enumerate(findings, 1):  # noqa: B007 - counts
        _emit(finding)
    if not count:
        click.echo("no findings")


def _emit(finding: Mapping[str, Any]) -> None:
    severity = str(finding["severity"])
    place = " ".join(
        escape(str(part))
        for part in (finding["target"], finding["database"], spell(finding["object"]))
        if part
    )
    mark = "" if finding["state"] == "open" else f" ({finding['state']})"
    head = colored(f"{severity.upper():<9}", severity)
    click.echo(f"{head} {finding['check']}{mark}  {place}")
    _paragraph(str(finding["summary"]))
    remedy: Mapping[str, Any] | None = finding["remedy"]
    for line in str(remedy["sql"]).splitlines() if remedy else ():
        click.echo(f"{_INDENT}| {escape(line)}")


def spell(ref: Mapping[str, Any]) -> str:
    """Return the name of what a finding is about."""
    names = (ref["schema"], ref["name"])
    return ".".join(str(name) for name in names if name) or str(ref["type"])


def _paragraph(text: str) -> None:
    for line in textwrap.wrap(escape(text), _WIDTH - len(_INDENT)):
        click.echo(f"{_INDENT}{line}")
