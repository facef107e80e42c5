"""Small sheets and pages to test exporters with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from prometheus_client import Metric
from prometheus_client import parser as plain_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from monitor.model.delta import Delta
from monitor.model.snapshot import Column, Kind, Sheet
from monitor.model.state import Exposition
from monitor.model.target import Profile, Target

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A made-up statistics row with two counters and a gauge."""

    KEY: ClassVar[tuple[str, ...]] = ("relname",)

    relname: str
    scans_total: int | None = 0
    seconds_total: float = 0.0
    live: int | None = 0
    size_bytes: int | None = 0


COLUMNS = (
    Column("relname", Kind.LABEL, ""),
    Column("scans_total", Kind.COUNTER, "Scans."),
    Column("seconds_total", Kind.COUNTER, "Time."),
    Column("live", Kind.GAUGE, "Live tuples."),
)


def cells(row: Any) -> tuple[object, ...]:
    """Return a TableRow's cells in the order of COLUMNS."""
    return row.relname, row.scans_total, row.seconds_total, row.live


def tables(
    rows: Sequence[TableRow], *, datname: str = "", rank: str = "scans_total"
) -> Sheet:
    """Return a ranked sheet of typed rows."""
    return Sheet(
        name="tables",
        datname=datname,
        columns=COLUMNS,
        rows=tuple(rows),
        cells=cells,
        row_class=TableRow,
        rank=rank,
    )


def as_is(row: Any) -> tuple[object, ...]:
    """Return a row that is a tuple of cells already."""
    return row


def custom(
    name: str,
    columns: Sequence[Column],
    rows: Sequence[tuple[object, ...]],
    **more: Any,
) -> Sheet:
    """Return a sheet of plain tuples, as an operator's own metric gives."""
    return Sheet(
        name=name,
        datname=more.pop("datname", ""),
        columns=tuple(columns),
        rows=tuple(rows),
        cells=as_is,
        **more,
    )


def gauge(name: str, values: Mapping[object, object], **more: Any) -> Sheet:
    """Return a sheet with label `x` and gauge `value`."""
    columns = (Column("x", Kind.LABEL, ""), Column("value", Kind.GAUGE, "A value."))
    return custom(name, columns, tuple(values.items()), **more)


def increase(
    rows: Sequence[TableRow], *, datname: str = "", seconds: float = 15.0
) -> Delta[TableRow]:
    """Return a delta of these increases."""
    return Delta(collector="tables", datname=datname, seconds=seconds, rows=tuple(rows))


def target(
    profile: Profile = "everything", labels: Mapping[str, str] | None = None
) -> Target:
    """Return a target called main."""
    return Target(name="main", profile=profile, labels=labels or {})


def text(exposition: Exposition) -> str:
    """Return a page in the plain text format."""
    return exposition.body(openmetrics=False, compressed=False).decode()


def samples(exposition: Exposition) -> dict[Series, float]:
    """Return what Prometheus would read from the plain text format."""
    found: dict[Series, float] = {}
    for family in _parse(text(exposition)):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


def _parse(body: str) -> Iterator[Metric]:
    yield from plain_parser.text_string_to_metric_families(body)  # pyright: ignore[reportUnknownMemberType]


def openmetrics_samples(exposition: Exposition) -> dict[Series, float]:
    """Return what Prometheus would read from the OpenMetrics format."""
    body = exposition.body(openmetrics=True, compressed=False).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in read_openmetrics(body)
        for sample in family.samples
    }


def read_openmetrics(body: str) -> Iterator[Metric]:
    yield from openmetrics_parser.text_string_to_metric_families(body)  # pyright: ignore[reportUnknownMemberType]


def values(exposition: Exposition, metric: str, label: str) -> dict[str, float]:
    """Return one family's values by one label."""
    return {
        dict(labels).get(label, ""): value
        for (name, labels), value in samples(exposition).items()
        if name == metric
    }
