"""Commands about the dashboards for Grafana."""

from __future__ import annotations

from pathlib import Path

import click

from monitor import resources
from monitor.cli.exports import copy
from monitor.cli.output import emit_json, emit_line, output_option


@click.group()
def dashboards() -> None:
    """Export the dashboards for Grafana."""


@dashboards.command()
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dashboards"),
    show_default=True,
    help="Where to write the JSON files.",
)
@output_option
def export(directory: Path, output: str) -> None:
    """Write the dashboards as JSON, to import or to provision."""
    root = resources.directory("dashboards")
    written = [str(path) for path in copy(root.rglob("*.json"), root, directory)]
    if output == "json":
        emit_json({"files": written})
        return
    for path in written:
        emit_line(path)
