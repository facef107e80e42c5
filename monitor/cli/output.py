"""Prints results: tables for people, JSON for programs, on standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

from monitor.logs import escape

F = TypeVar("F", bound=Callable[..., Any])

_COLORS: Mapping[str, str] = {
    "critical": "red",
    "warning": "yellow",
    "info": "blue",
    "error": "red",
    "ok": "green",
}
_WIDEST = 60


def output_option(command: F) -> F:
    """Add `--output table|json`."""
    return click.option(
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="For people or for programs.",
    )(command)


def emit_json(document: object) -> None:
    """Print a document; ASCII only, so that no terminal can be attacked."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def emit_line(text: str = "") -> None:
    """Print a line of text with its control characters escaped."""
    click.echo(escape(text))


def emit_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their headings, cells cut where they get too wide."""
    texts = [[_cell(value) for value in row] for row in rows]
    if not texts:
        emit_line("nothing")
        return
    cells = [[name.upper() for name in columns], *texts]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        padded = (f"{text:<{width}}" for text, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return _cut(", ".join(str(item) for item in value))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return _cut(f"{value:,.4g}" if isinstance(value, float) else str(value))


def _cut(text: str) -> str:
    text = escape(" ".join(text.split()))
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def colored(text: str, kind: str) -> str:
    """Return text in a kind's colour, where there is a terminal that wants it."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return click.style(text, fg=_COLORS.get(kind), bold=True)
