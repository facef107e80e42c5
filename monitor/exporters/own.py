"""What pgvigil says of itself and of its targets: reachability, findings, cost.

Families are prometheus_client's: there are few enough of them that its price a
series does not matter. What concerns a target belongs on the target's page, the
rest stands for itself; `own` is both, for a page of all targets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from prometheus_client import PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import Metric

from monitor.exporters.labelled import NO_LABELS, Labelled, Sample, page
from monitor.exporters.page import MergedPage, Page, merge
from monitor.exporters.target_metrics import about_target
from monitor.model.state import NotifierStatus, State, TargetState


def own(state: State) -> MergedPage:
    """Return all of our own metrics: the daemon's and each target's."""
    targets = [target_page(target, state.at) for target in state.targets]
    return merge(daemon_page(state), *targets)


def target_page(target: TargetState, at: datetime) -> Page:
    """Return our metrics about one target as they stand at a moment."""
    labelled = Labelled(target.target.labels, target.target.name)
    return page(about_target(target, labelled, at))


def daemon_page(state: State) -> Page:
    """Return the metrics of the daemon as a whole and of its process."""
    return page(_daemon(state))


def _daemon(state: State) -> Iterator[Metric]:
    make = Labelled({})
    yield make.gauge(
        "pgvigil_build_info",
        "The running version.",
        ({"version": state.version, "instance": state.instance}, 1),
    )
    yield make.gauge(
        "pgvigil_heartbeat_timestamp_seconds",
        "When the scheduler last turned.",
        (NO_LABELS, state.heartbeat.timestamp()),
    )
    yield make.gauge(
        "pgvigil_paused",
        "Whether an operator has stopped all actions.",
        (NO_LABELS, state.is_paused),
    )
    yield make.gauge(
        "pgvigil_state_file_usable",
        "Whether the state file can be read and written.",
        (NO_LABELS, not state.state_error),
    )
    yield from _configuration(state, make)
    yield from _notifiers(state.notifiers, make)
    yield from ProcessCollector(registry=None).collect()
    yield from PlatformCollector(registry=None).collect()


def _configuration(state: State, make: Labelled) -> Iterator[Metric]:
    loaded = state.config_loaded_at
    yield make.gauge(
        "pgvigil_config_last_reload_successful",
        "Whether the configuration could be used when it was last read.",
        (NO_LABELS, not state.config_error),
    )
    yield make.gauge(
        "pgvigil_config_last_reload_success_timestamp_seconds",
        "When the configuration in force was read.",
        (NO_LABELS, loaded.timestamp() if loaded else None),
    )


def _notifiers(found: Sequence[NotifierStatus], make: Labelled) -> Iterator[Metric]:
    def each(value: str) -> Iterator[Sample]:
        for status in found:
            labels = {"notifier": status.name, "receiver": status.receiver}
            yield labels, getattr(status, value)

    prefix = "pgvigil_notifier"
    yield make.gauge(
        f"{prefix}_queued", "Alerts that wait to be sent.", *each("queued")
    )
    yield make.counter(f"{prefix}_sent_total", "Alerts delivered.", *each("sent_total"))
    yield make.counter(
        f"{prefix}_failed_total", "Failed deliveries.", *each("failed_total")
    )
    yield make.counter(
        f"{prefix}_dropped_total", "Alerts given up.", *each("dropped_total")
    )
    offsets = (
        ({"notifier": one.name, "receiver": one.receiver}, one.clock_offset)
        for one in found
        if one.clock_offset is not None
    )
    yield make.gauge(
        f"{prefix}_clock_offset_seconds",
        "How far the receiver's clock is ahead of ours.",
        *((labels, offset.total_seconds()) for labels, offset in offsets),
    )
