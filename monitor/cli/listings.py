"""Commands that show a running daemon's lists: indexes, upkeep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from monitor.cli.client import Daemon, daemon_options
from monitor.cli.output import emit_json, emit_line, emit_table, output_option


@click.command()
@daemon_options
@click.option("--target", help="Only of this target.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@output_option
def indexes(daemon: Daemon, target: str | None, limit: int, output: str) -> None:
    """List indexes with size, scans and how long they have been watched."""
    found = daemon.get("/api/v1/indexes", target=target, limit=str(limit))
    _emit(
        found,
        "indexes",
        _INDEX,
        output,
    )


_INDEX = (
    "target",
    "database",
    "schema",
    "table",
    "name",
    "size_bytes",
    "idx_scan",
    "window_scans",
    "window_since",
    "is_valid",
)


@click.command()
@daemon_options
@click.option("--target", help="Only of this target.")
@output_option
def maintenance(daemon: Daemon, target: str | None, output: str) -> None:
    """List what upkeep is planned, and what is refused and why."""
    found = daemon.get("/api/v1/maintenance", target=target)
    if output == "json":
        emit_json(found)
        return
    targets: list[Mapping[str, Any]] = found["maintenance"]
    for paused in (one["target"] for one in targets if one["is_paused"]):
        emit_line(f"every action on target {paused} is paused")
    columns = ("target", "database", "kind", "schema", "name")
    emit_line("planned")
    planned = [action for one in targets for action in one["actions"]]
    _table(planned, (*columns, "mode", "state"))
    emit_line()
    emit_line("refused")
    refused = [refusal for one in targets for refusal in one["refusals"]]
    _table(refused, (*columns, "rule", "reason"))


def _emit(
    found: Mapping[str, Any], key: str, columns: Sequence[str], output: str
) -> None:
    if output == "json":
        emit_json(found)
    else:
        _table(found[key], columns)


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    emit_table(columns, ([row.get(column) for column in columns] for row in rows))
