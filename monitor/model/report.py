"""What the daemon keeps on the server it watches, for operators who use SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from monitor.model.finding import Evidence, ObjectRef, Severity, TrackedFinding
from monitor.model.state import EffectiveThreshold

ReportKind = Literal["samples", "findings", "advice", "rls_observations", "alerts"]

_CREATES_INDEX = re.compile(r"\s*create\s+(unique\s+)?index\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A figure that a check compared with its levels, in the check's unit.

    `threshold` is the level that was reached, None within the levels.
    """

    metric_name: str
    value: float
    unit: str = ""
    database: str = ""
    object: ObjectRef = field(default_factory=lambda: ObjectRef("server"))
    severity: Severity | None = None
    threshold: float | None = None
    recommendation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RlsObservation:
    """Time of statements under policies, for one table since a moment.

    Milliseconds, as pg_stat_statements has them. `overhead_…` is the cost of the
    policies themselves as probed, None where nothing was probed.
    """

    database: str
    schemaname: str
    tablename: str
    roles: tuple[str, ...]
    since: datetime
    calls: int
    total_exec_time_ms: float
    stddev_exec_time_ms: float | None = None
    policy_name: str = "combined"
    overhead_p50_ms: float | None = None
    overhead_p95_ms: float | None = None
    overhead_p99_ms: float | None = None
    attribution: Literal["ast", "server"] = "ast"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexAdvice:
    """A finding that proposes an index, with the figures an operator sorts by.

    `table` is qualified and quoted. Scans and rows are per day.
    """

    tracked: TrackedFinding
    table: str
    columns: tuple[str, ...]
    statement: str
    undo: str
    potential_improvement: str
    seq_scan: int | None
    seq_tup_read: int | None


def samples_of(
    findings: Iterable[TrackedFinding],
    metric_names: Mapping[str, str],
    thresholds: Iterable[EffectiveThreshold],
) -> tuple[Sample, ...]:
    """Return one sample per open finding whose check has a metric of its own.

    `metric_names` maps checks to the names in performance_thresholds.
    """
    levels = {(t.check, t.level): t for t in thresholds}
    return tuple(_samples(findings, metric_names, levels))


def _samples(
    findings: Iterable[TrackedFinding],
    metric_names: Mapping[str, str],
    levels: Mapping[tuple[str, Severity], EffectiveThreshold],
) -> Iterator[Sample]:
    for tracked in findings:
        finding = tracked.finding
        name = metric_names.get(finding.check)
        if name is None or finding.value is None or tracked.state == "resolved":
            continue
        level = levels.get((finding.check, finding.severity))
        yield Sample(
            metric_name=name,
            value=finding.value,
            unit=level.unit if level else "",
            database=finding.database,
            object=finding.object,
            severity=finding.severity,
            threshold=level.value if level else None,
            recommendation=finding.summary,
        )


def index_advice(findings: Iterable[TrackedFinding]) -> tuple[IndexAdvice, ...]:
    """Return the findings that propose an index."""
    found = (_advice(tracked) for tracked in findings)
    return tuple(advice for advice in found if advice is not None)


def _advice(tracked: TrackedFinding) -> IndexAdvice | None:
    finding = tracked.finding
    remedy, evidence = finding.remedy, finding.evidence
    table = _value(evidence, "table")
    columns = tuple(str(e.value) for e in evidence if e.name == "column")
    if remedy is None or table is None or not columns:
        return None
    if not _CREATES_INDEX.match(remedy.sql):
        return None
    return IndexAdvice(
        tracked=tracked,
        table=str(table),
        columns=columns,
        statement=remedy.sql,
        undo=remedy.undo,
        potential_improvement=str(_value(evidence, "potential improvement") or ""),
        seq_scan=_count(evidence, "sequential scans a day"),
        seq_tup_read=_count(evidence, "rows read by them a day"),
    )


def _value(evidence: Iterable[Evidence], name: str) -> float | str | None:
    return next((e.value for e in evidence if e.name == name), None)


def _count(evidence: Iterable[Evidence], name: str) -> int | None:
    value = _value(evidence, name)
    return round(value) if isinstance(value, int | float) else None
