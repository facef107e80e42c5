"""Where a sheet's columns go: which are labels, which are families."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.exporters.text import (
    escaped,
    free_name,
    joined,
    label_name,
    metric_name,
    own_names,
)
from monitor.model.snapshot import Column, Kind, Sheet
from monitor.model.target import Target

LEGACY = "legacy_"
"""Begins the names of queries that export postgres_exporter's metrics."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A column that is exported: its place in the cells, and its family."""

    place: int
    family: str
    kind: Kind
    help: str


@dataclass(frozen=True, slots=True)
class Layout:
    """How to write a sheet's rows for one target and database.

    `constant` are the labels that all rows share, already as text; `labels` are
    the label columns' places in the cells and their names.
    """

    constant: str
    labels: tuple[tuple[int, str], ...]
    metrics: tuple[Metric, ...]

    def line(self, cells: tuple[object, ...]) -> str:
        """Return a sample's text after its name, with `%s` for the value."""
        own = joined((name, escaped(cells[place])) for place, name in self.labels)
        labels = f"{own},{self.constant}" if own else self.constant
        return "{" + labels.replace("%", "%%") + "} %s\n"


def layout(sheet: Sheet, target: Target) -> Layout:
    """Return the layout of a sheet.

    `server` always is the target's name: a column of that name becomes
    `exported_server`. Otherwise columns keep their names and the operator's
    labels yield.
    """
    constant = {"server": escaped(target.name)}
    columns = tuple(enumerate(sheet.columns))
    names = {c.name for c in sheet.columns if c.kind is Kind.LABEL}
    if sheet.datname and "datname" not in names:
        constant["datname"] = escaped(sheet.datname)
    taken = set(constant)
    labels: list[tuple[int, str]] = []
    for place, column in columns:
        if column.kind is Kind.LABEL:
            name = free_name(label_name(column.name), taken)
            taken.add(name)
            labels.append((place, name))
    for name, value in own_names(taken, target.labels).items():
        constant[name] = escaped(value)
    return Layout(
        constant=joined(constant.items()),
        labels=tuple(labels),
        metrics=tuple(
            _metric(sheet, place, column)
            for place, column in columns
            if column.kind is not Kind.LABEL
        ),
    )


def family_of(query: str, column: str) -> str:
    """Return a family's name: `pg_…` for facts of PostgreSQL.

    Queries about what we ourselves put into a database are named `pgvigil_…`.
    Those named `legacy_…` bear the names of postgres_exporter, which may repeat
    the query's own.
    """
    legacy = query.removeprefix(LEGACY)
    if legacy != query:
        return metric_name(
            f"pg_{legacy}" if legacy == column else f"pg_{legacy}_{column}"
        )
    prefix = "" if query.startswith("pgvigil_") else "pg_"
    return metric_name(f"{prefix}{query}_{column}")


def _metric(sheet: Sheet, place: int, column: Column) -> Metric:
    family = family_of(sheet.name, column.name)
    # OpenMetrics knows no counter without `_total`.
    is_counter = column.kind is Kind.COUNTER and family.endswith("_total")
    kind = Kind.COUNTER if is_counter else Kind.GAUGE
    return Metric(
        place=place,
        family=family,
        # Some are counters, under names that no counter may have.
        kind=Kind.UNTYPED if sheet.name.startswith(LEGACY) else kind,
        help=column.help or f'Column "{column.name}" of query "{sheet.name}".',
    )
