"""Families of prometheus_client with a target's labels, and the page they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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

    def _filled(self, family: Metric, name: str, samples: Iterable[Sample]) -> Metric:
        for own, value in samples:
            if value is not None:
                labels = {**self._server, **own}
                labels.update(own_names(labels, self._labels))
                family.add_sample(name, labels, float(value))
        return family


def page(metrics: Iterable[Metric]) -> Page:
    """Return the families as a page; samples that repeat another's labels go."""
    press = Press()
    return Page(_family(metric, press) for metric in metrics)


def _family(metric: Metric, press: Press) -> Family:
    is_counter = metric.type == "counter"
    kind = Kind.COUNTER if is_counter else Kind.GAUGE
    name = f"{metric.name}_total" if is_counter else metric.name
    lines: dict[str, str] = {}
    for sample in metric.samples:
        labels = joined((key, escaped(value)) for key, value in sample.labels.items())
        series = f"{sample.name}{{{labels}}}" if labels else sample.name
        lines.setdefault(series, f"{series} {number(sample.value)}\n")
    piece = press.piece("".join(lines.values()), len(lines))
    return Family(name, kind, metric.documentation, (piece,))
