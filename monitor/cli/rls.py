"""The command that shows what a running daemon knows of row level security."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from monitor.cli.client import Daemon, daemon_options
from monitor.cli.output import emit_json, emit_line, emit_table, output_option
from monitor.model.units import duration

Row = Mapping[str, Any]

_TABLES = ("target", "database", "table", "rls", "calls", "time", "cost/row", "p95")
_POLICIES = ("table", "role", "command", "policies", "restricted by")
_STATES = {"open": "NONE, API reaches it", "off": "OFF", "closed": "on, no policy"}
_TINY = 0.0005


@click.command()
@daemon_options
@click.option("--target", help="Only of this target.")
@click.option("--database", help="Only of this database.")
@click.option("--policies", is_flag=True, help="Which policies decide, by role.")
@output_option
def rls(
    *,
    daemon: Daemon,
    target: str | None,
    database: str | None,
    policies: bool,
    output: str,
) -> None:
    """List tables with row level security and what their policies cost.

    Time is that of whole statements under policies; the cost per row and the 95th
    percentile of the overhead are probed. What is unknown is left empty and said
    below. JSON has every figure, policy and rewrite.
    """
    found = daemon.get("/api/v1/rls", target=target, database=database)
    if output == "json":
        emit_json(found)
        return
    tables: list[Row] = found["rls"]
    if policies:
        emit_table(_POLICIES, (row for table in tables for row in _applied(table)))
    else:
        emit_table(_TABLES, map(_line, tables))
    for line in _remarks(found["targets"], tables):
        emit_line(line)


def _applied(table: Row) -> Iterator[Sequence[object]]:
    for one in table["applications"]:
        decide = ", ".join(one["permissive"]) or "none: no row"
        yield (
            _name(table),
            one["role"],
            one["command"],
            decide if one["is_bound"] else "not bound: every row",
            ", ".join(one["restrictive"]),
        )


def _line(table: Row) -> Sequence[object]:
    statements: list[Row] = table["statements"]
    costs = [c["seconds"] for c in table["row_costs"] if c["seconds"] is not None]
    overheads = [o["p95_seconds"] for o in table["overheads"]]
    overheads = [each for each in overheads if each is not None]
    return (
        table["target"],
        table["database"],
        _name(table),
        _STATES.get(table["state"], "on"),
        sum(s["calls_total"] for s in statements) if statements else None,
        _span(sum(s["seconds_total"] for s in statements)) if statements else None,
        _span(max(costs)) if costs else None,
        _span(max(overheads)) if overheads else None,
    )


def _remarks(targets: Sequence[Row], tables: Sequence[Row]) -> Iterator[str]:
    said = [f"{one['target']}: {text}" for one in targets for text in one["unknowns"]]
    said += [f"{_name(one)}: {text}" for one in tables for text in one["unknowns"]]
    if said:
        yield ""
        yield "unknown"
        yield from said
    for table in tables:
        for saving in table["savings"]:
            if saving["saved_seconds"] is not None:
                yield ""
                yield (
                    f"{_name(table)}, policy {saving['policy']}: "
                    f"{_span(saving['saved_seconds'])} a call could be saved"
                )
                yield saving["sql"]


def _name(table: Row) -> str:
    return f"{table['schema']}.{table['name']}"


def _span(seconds: float) -> str:
    if 0 < seconds < _TINY:
        return f"{seconds * 1e6:.2g} \N{MICRO SIGN}s"
    return duration(seconds) if seconds else "0 s"
