from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from monitor.model.finding import (
    Evidence,
    Finding,
    ObjectRef,
    Remedy,
    Severity,
    TrackedFinding,
)
from monitor.model.report import Sample, index_advice, samples_of
from monitor.model.state import EffectiveThreshold

AT = datetime(2026, 1, 1, tzinfo=UTC)
SLOW = Finding(
    severity=Severity.WARNING,
    object=ObjectRef("database", name="app"),
    summary="statements are slow",
    database="app",
    value=150.0,
    check="query_time",
)
LEVEL = EffectiveThreshold(
    check="query_time",
    level=Severity.WARNING,
    value=100.0,
    unit="ms",
    origin="default",
)
METRICS = {"query_time": "avg_query_time_ms"}
MISSING = Finding(
    severity=Severity.INFO,
    object=ObjectRef("columns", "public", "t(a, b)"),
    summary="no index",
    evidence=(
        Evidence("table", "public.t"),
        Evidence("column", "a"),
        Evidence("column", "b"),
        Evidence("sequential scans a day", 12.6),
    ),
    remedy=Remedy(sql="CREATE INDEX CONCURRENTLY i ON public.t (a, b);"),
    check="missing_index",
)


def tracked(finding: Finding) -> TrackedFinding:
    return TrackedFinding(finding=finding, first_seen=AT, last_seen=AT)


def test_an_open_finding_with_a_metric_is_a_sample_with_the_level_it_reached() -> None:
    found = samples_of([tracked(SLOW)], METRICS, [LEVEL])

    expected = Sample(
        metric_name="avg_query_time_ms",
        value=150.0,
        unit="ms",
        database="app",
        object=SLOW.object,
        severity=Severity.WARNING,
        threshold=100.0,
        recommendation="statements are slow",
    )
    assert found == (expected,)


def test_findings_without_metric_or_figure_and_resolved_ones_are_no_samples() -> None:
    others = [
        tracked(replace(SLOW, check="other")),
        tracked(replace(SLOW, value=None)),
        replace(tracked(SLOW), state="resolved"),
    ]

    assert samples_of(others, METRICS, [LEVEL]) == ()


def test_a_level_that_is_not_known_is_left_open() -> None:
    (found,) = samples_of([tracked(SLOW)], METRICS, [])

    assert (found.threshold, found.unit) == (None, "")


def test_a_proposed_index_is_advice_with_its_columns_and_figures() -> None:
    (found,) = index_advice([tracked(MISSING)])

    assert (found.table, found.columns) == ("public.t", ("a", "b"))
    assert (found.seq_scan, found.seq_tup_read) == (13, None)
    assert found.statement.startswith("CREATE INDEX")


def test_other_findings_are_no_advice() -> None:
    others = [
        SLOW,
        replace(MISSING, remedy=None),
        replace(MISSING, evidence=()),
        replace(MISSING, remedy=Remedy(sql="DROP INDEX i;")),
    ]

    assert index_advice(map(tracked, others)) == ()
