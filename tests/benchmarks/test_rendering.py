"""What rendering costs a series, beside prometheus_client in the same run."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from statistics import median

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.exporters.prometheus import TargetExporter, TargetExposition
from monitor.model.snapshot import Column, Kind, Sheet
from monitor.model.target import Target
from tests.benchmarks.conftest import Say

COUNTERS = 10
ROUNDS = 7

pytestmark = pytest.mark.benchmark


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    values: tuple[int, ...]


def _cells(row: object) -> tuple[object, ...]:
    assert isinstance(row, _Row)
    return ("app", "public", row.name, *row.values)


COLUMNS = (
    *(Column(name, Kind.LABEL, "") for name in ("datname", "schemaname", "relname")),
    *(Column(f"counter_{n}_total", Kind.COUNTER, "A count.") for n in range(COUNTERS)),
)


def _rows(number: int) -> tuple[_Row, ...]:
    return tuple(
        _Row(f"table_{n}", tuple(n * 7919 * (c + 1) for c in range(COUNTERS)))
        for n in range(number)
    )


def _sheet(rows: Iterable[_Row]) -> Sheet:
    return Sheet(
        name="stat_user_tables",
        datname="app",
        columns=COLUMNS,
        rows=tuple(rows),
        cells=_cells,
    )


def _moved(rows: tuple[_Row, ...], every: int) -> tuple[_Row, ...]:
    """Return the rows with all counters of each `every`th moved."""
    return tuple(
        replace(row, values=tuple(v + 1 for v in row.values)) if n % every == 0 else row
        for n, row in enumerate(rows)
    )


def _hot(rows: tuple[_Row, ...], share: float) -> tuple[_Row, ...]:
    """Return the rows with the counters of the first ones moved."""
    hot = max(1, int(len(rows) * share))
    return (*_moved(rows[:hot], 1), *rows[hot:])


class _PerSample(Collector):
    """The same series as prometheus_client's own custom collectors give them."""

    def __init__(self, rows: tuple[_Row, ...]) -> None:
        self._rows = rows

    def collect(self) -> Iterator[Metric]:
        names = ["datname", "schemaname", "relname", "server"]
        for place in range(COUNTERS):
            family = CounterMetricFamily(
                f"pg_stat_user_tables_counter_{place}", "A count.", labels=names
            )
            for row in self._rows:
                family.add_metric(
                    ["app", "public", row.name, "main"], row.values[place]
                )
            yield family


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


def _median(works: Iterable[Callable[[], object]]) -> float:
    return median(_milliseconds(work) for work in works)


def _exporter(sheet: Sheet) -> TargetExporter:
    exporter = TargetExporter(Target(name="main", profile="everything"))
    exporter.render([sheet])
    return exporter


def _rendering(rows: tuple[_Row, ...], change: Callable[[], tuple[_Row, ...]]) -> float:
    """Return the cost of rendering after a change, body included."""
    exporter = _exporter(_sheet(rows))
    sheets = [_sheet(change()), _sheet(rows)] * ROUNDS
    return _median(
        lambda s=sheet: _body(exporter.render([s])) for sheet in sheets[:ROUNDS]
    )


def _body(page: TargetExposition) -> bytes:
    return page.body(openmetrics=True, compressed=True)


@pytest.mark.parametrize("series", [1_000, 10_000, 100_000])
def test_rendering(series: int, say: Say) -> None:
    """Print CPU time; ours includes compressing the body, theirs does not."""
    rows = _rows(series // COUNTERS)
    registry = CollectorRegistry()
    registry.register(_PerSample(rows))
    theirs = _median([lambda: generate_latest(registry)] * 3)
    costs = {
        "full": _median([lambda: _body(_fresh(rows))] * 3),
        "1 % hot": _rendering(rows, lambda: _hot(rows, 0.01)),
        "1 % anywhere": _rendering(rows, lambda: _moved(rows, 100)),
        "10 % anywhere": _rendering(rows, lambda: _moved(rows, 10)),
        "unchanged": _rendering(rows, lambda: rows),
    }
    page = _fresh(rows)
    plain = page.body(openmetrics=True, compressed=False)
    costs["gzip -6 alone"] = _median([lambda: gzip.compress(plain, 6)] * 3)

    size = f"{len(plain)} bytes, {len(_body(page))} compressed"
    say(f"\n{series} series, {size}")
    say(f"  {'prometheus_client':<18}{theirs:10.2f} ms")
    for name, cost in costs.items():
        say(f"  {name:<18}{cost:10.2f} ms   1/{theirs / max(cost, 1e-3):.0f}")

    assert page.series == series


def _fresh(rows: tuple[_Row, ...]) -> TargetExposition:
    return TargetExporter(Target(name="main", profile="everything")).render(
        [_sheet(rows)]
    )
