"""Families of prometheus_client with a target's labels, and the page they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)

from monitor.exporters.deflate import Press
from monitor.exporters.page import Family, Page
from monitor.exporters.text import escaped, joined, number, own_names
from monitor.model.snapshot import Kind

Sample = tuple[Mapping[str, str], float | bool | None]
"""A sample's own labels and its value; None is no sample."""

NO_LABELS: Mapping[str, str] = {}

_KINDS = {"counter": Kind.COUNTER, "histogram": Kind.HISTOGRAM}


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """One histogram of a family: `counts[i]` of at most `bounds[i]`, the rest last."""

    labels: Mapping[str, str]
    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


class Labelled:
    """Makes families whose samples all carry the labels of one target."""

    def __init__(self, labels: Mapping[str, str], server: str = "") -> None:
        """Take the operator's labels; without a server they are the daemon's."""
        self._server = {"server": server} if server else {}
        self._labels = labels

    def gauge(self, name: str, text: str, *samples: Sample) -> Metric:
        """Return a gauge family."""
        return self._filled(GaugeMetricFamily(name, text), name, samples)

    def counter(self, name: str, text: str, *samples: Sample) -> Metric:
        """Return a counter family; `name` ends in `_total`."""
        return self._filled(CounterMetricFamily(name, text), name, samples)

    def histogram(self, name: str, text: str, *found: Buckets) -> Metric:
        """Return a histogram family; its buckets are cumulative when exported."""
        family = Metric(name, text, "histogram")
        for buckets in found:
            for suffix, sample in _cumulated(buckets):
                self._filled(family, f"{name}{suffix}", [sample])
        return family

    def _filled(self, family: Metric, name: str, samples: Iterable[Sample]) -> Metric:
        for own, value in samples:
            if value is not None:
                labels = {**self._server, **own}
                labels.update(own_names(labels, self._labels))
                family.add_sample(name, labels, float(value))
        return family


def _cumulated(buckets: Buckets) -> Iterator[tuple[str, Sample]]:
    so_far = 0
    for bound, count in zip(
        (*map(repr, buckets.bounds), "+Inf"), buckets.counts, strict=True
    ):
        so_far += count
        yield "_bucket", ({**buckets.labels, "le": bound}, so_far)
    yield "_sum", (buckets.labels, buckets.total)
    yield "_count", (buckets.labels, so_far)


def page(metrics: Iterable[Metric]) -> Page:
    """Return the families as a page; samples that repeat another's labels go."""
    press = Press()
    return Page(_family(metric, press) for metric in metrics)


def _family(metric: Metric, press: Press) -> Family:
    kind = _KINDS.get(metric.type, Kind.GAUGE)
    name = f"{metric.name}_total" if kind is Kind.COUNTER else metric.name
    lines: dict[str, str] = {}
    for sample in metric.samples:
        labels = joined((key, escaped(value)) for key, value in sample.labels.items())
        series = f"{sample.name}{{{labels}}}" if labels else sample.name
        lines.setdefault(series, f"{series} {number(sample.value)}\n")
    piece = press.piece("".join(lines.values()), len(lines))
    return Family(name, kind, metric.documentation, (piece,))
