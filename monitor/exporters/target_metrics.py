"""What is known of a target beyond its own statistics, as metric families."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client.metrics_core import Metric

from monitor.exporters.labelled import NO_LABELS, Labelled, Sample
from monitor.exporters.rls_metrics import about_rls
from monitor.model.finding import TrackedFinding
from monitor.model.server import Server
from monitor.model.state import CollectorStatus, TargetState

MOST_FINDINGS = 1_000
"""Findings of one target that are exported, the most urgent first."""


def about_target(target: TargetState, make: Labelled, at: datetime) -> Iterator[Metric]:
    """Yield all our families about one target, with their samples.

    `at` is the moment the page is made: ages are counted up to it.
    """
    yield make.gauge(
        "pg_up",
        "Whether the last attempt reached the server and could run a statement.",
        (NO_LABELS, target.up),
    )
    if target.server is not None:
        yield from _server(target.server, make)
    yield from _cycle(target, make, at)
    yield from _collectors(target.collectors, make)
    yield from _findings(target, make)
    yield from _connections(target, make)
    yield from _cost(target, make)
    yield from _series(target, make)
    yield from about_rls(target.rls, target.target.profile, make)
    states = Counter((a.action.kind, a.state.value) for a in target.actions)
    yield make.gauge(
        "pgvigil_actions",
        "Actions in the journal by kind and state.",
        *(({"kind": kind, "state": s}, n) for (kind, s), n in states.items()),
    )


def _server(server: Server, make: Labelled) -> Iterator[Metric]:
    labels = {
        "version": server.version,
        "server_version_num": str(server.version_num),
        "system_identifier": server.system_identifier or "",
        "provider": server.provider,
        "pooler": server.pooler.value,
    }
    yield make.gauge("pg_server_info", "The server's version and make.", (labels, 1))
    yield make.gauge(
        "pg_server_is_standby",
        "Whether the server is in recovery.",
        (NO_LABELS, server.is_standby),
    )
    yield make.gauge(
        "pgvigil_capability",
        "Whether the server and our role allow a feature.",
        *(({"name": c.name}, c.available) for c in server.capabilities),
    )


def _cycle(target: TargetState, make: Labelled, at: datetime) -> Iterator[Metric]:
    last, duration = target.last_cycle, target.cycle_duration
    age = max(0.0, (at - last).total_seconds()) if last else None
    yield make.gauge(
        "pgvigil_snapshot_age_seconds",
        "Time from the last successful cycle to the making of this page.",
        (NO_LABELS, age),
    )
    yield make.gauge(
        "pgvigil_last_cycle_timestamp_seconds",
        "When the last successful cycle ended.",
        (NO_LABELS, last.timestamp() if last else None),
    )
    yield make.gauge(
        "pgvigil_cycle_duration_seconds",
        "How long the last successful cycle took.",
        (NO_LABELS, duration.total_seconds() if duration else None),
    )


def _collectors(found: tuple[CollectorStatus, ...], make: Labelled) -> Iterator[Metric]:
    def each(value: str) -> Iterator[Sample]:
        for status in found:
            if not status.skipped:
                yield _place(status), _plain(getattr(status, value))

    prefix = "pgvigil_collector"
    yield make.gauge(
        f"{prefix}_last_success_timestamp_seconds",
        "When a collector last succeeded.",
        *each("last_success"),
    )
    yield make.gauge(
        f"{prefix}_duration_seconds", "How long its last run took.", *each("duration")
    )
    yield make.counter(f"{prefix}_runs_total", "Runs.", *each("runs_total"))
    yield make.counter(f"{prefix}_errors_total", "Failed runs.", *each("errors_total"))
    yield make.counter(
        f"{prefix}_timeouts_total", "Runs that took too long.", *each("timeouts_total")
    )
    yield make.gauge(
        f"{prefix}_skipped",
        "Collectors that do not run here, and why.",
        *(
            ({**_place(status), "reason": status.skipped}, 1)
            for status in found
            if status.skipped
        ),
    )


def _place(status: CollectorStatus) -> dict[str, str]:
    return {"datname": status.datname, "collector": status.name}


def _plain(value: object) -> float | None:
    match value:
        case datetime():
            return value.timestamp()
        case timedelta():
            return value.total_seconds()
        case int() | float():
            return value
        case _:
            return None


def _findings(target: TargetState, make: Labelled) -> Iterator[Metric]:
    known = [found for found in target.findings if found.state != "resolved"]
    known.sort(key=lambda found: found.finding.severity.rank)
    yield make.gauge(
        "pgvigil_finding",
        "1 for a finding that is open, 0 for one that is muted.",
        *map(_finding, known[:MOST_FINDINGS]),
    )
    yield make.gauge(
        "pgvigil_findings_left_out",
        "Findings beyond the most urgent ones that are exported.",
        (NO_LABELS, max(0, len(known) - MOST_FINDINGS)),
    )
    yield make.gauge(
        "pgvigil_threshold",
        "Threshold in force, in its check's own unit.",
        *(
            ({"check": t.check, "level": t.level.value}, t.value)
            for t in target.thresholds
        ),
    )


def _finding(found: TrackedFinding) -> Sample:
    finding = found.finding
    labels = {
        "datname": finding.database,
        "check": finding.check,
        "severity": finding.alert_severity.value,
        "object": str(finding.object),
    }
    return labels, found.state == "open"


def _connections(target: TargetState, make: Labelled) -> Iterator[Metric]:
    yield make.gauge(
        "pgvigil_connections",
        "Our connections to the server.",
        (NO_LABELS, target.connections_used),
    )
    yield make.counter(
        "pgvigil_connects_total",
        "Connections made to the server.",
        (NO_LABELS, target.connects_total),
    )
    yield make.counter(
        "pgvigil_connect_errors_total",
        "Failed attempts to connect, by class of error.",
        *(({"class": name}, n) for name, n in target.connect_errors.items()),
    )


def _cost(target: TargetState, make: Labelled) -> Iterator[Metric]:
    cost = target.own_cost
    for name, text, value in (
        (
            "exec_seconds",
            "Time the server spent on our statements.",
            cost.exec_seconds_total,
        ),
        ("calls", "Statements of ours that the server ran.", cost.calls_total),
        ("blocks", "Shared blocks that our statements touched.", cost.blocks_total),
        ("temp_blocks", "Temporary blocks of our statements.", cost.temp_blocks_total),
    ):
        yield make.counter(f"pgvigil_own_{name}_total", text, (NO_LABELS, value))
    yield make.gauge(
        "pgvigil_governor_stretch_ratio",
        "Factor on all intervals; above 1 our own cost is over its budget.",
        (NO_LABELS, cost.stretch),
    )


def _series(target: TargetState, make: Labelled) -> Iterator[Metric]:
    exposition = target.exposition
    yield make.gauge(
        "pgvigil_series",
        "Series exported of the server's statistics.",
        (NO_LABELS, exposition.series if exposition else None),
    )
    yield make.counter(
        "pgvigil_series_dropped_total",
        "Series left out of pages: caps, repeated labels, names already taken.",
        *(({"family": name}, n) for name, n in target.dropped_series.items()),
    )
