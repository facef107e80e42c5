"""What row level security costs on one table, as rows of lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from monitor.model.rls import ProbeStatus
from monitor.model.rls_observed import Attribution
from monitor.model.rls_report import TableReport, percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadEntry:
    """Whole statements of a role under the policies; totals since the daemon started.

    `calls` and `seconds` are those of the last `window_seconds`, None across a reset.
    """

    role: str
    attribution: Attribution
    calls_total: int
    seconds_total: float
    calls: int | None
    seconds: float | None
    window_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxEntry:
    """A statement's mean time under policies and under a bypassing role.

    `is_comparable` is False where the two saw very different numbers of rows.
    """

    queryid: str
    role: str
    calls: int
    mean_seconds: float
    bypassing_role: str
    bypassing_calls: int
    bypassing_mean_seconds: float
    tax_seconds: float
    is_comparable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCostEntry:
    """A probed cost per row; only `ok` has figures that are published."""

    role: str
    persona: str
    policy: str
    command: str
    status: ProbeStatus
    reason: str
    seconds: float | None
    low_seconds: float | None
    high_seconds: float | None
    fixed_seconds: float | None
    rows: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OverheadEntry:
    """What policies added to probed statements of a role."""

    role: str
    count: int
    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateEntry:
    """The estimated time of policies beside its inputs; `reason` is why there is none.

    `row_seconds` is the probed cost that it rests on.
    """

    seconds_total: float | None
    rows_examined_total: int
    share: float | None
    row_seconds: float | None
    quality: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingEntry:
    """A rewrite of a policy; `saved_seconds` a call only where it is trusted."""

    policy: str
    rule: str
    personas: tuple[str, ...]
    compared_rows: int
    differing_rows: int
    is_trusted: bool
    reason: str
    now_seconds: float | None
    rewritten_seconds: float | None
    saved_seconds: float | None
    sql: str
    undo: str
    at: datetime


def loads(table: TableReport) -> Iterator[LoadEntry]:
    """Yield the statements under a table's policies, by role."""
    for load in table.loads:
        yield LoadEntry(
            role=load.role,
            attribution=load.attribution,
            calls_total=load.calls_total,
            seconds_total=load.seconds_total,
            calls=load.recent_calls,
            seconds=load.recent_seconds,
            window_seconds=load.window.total_seconds() if load.window else None,
        )


def taxes(table: TableReport) -> Iterator[TaxEntry]:
    """Yield the comparisons there are."""
    for tax in table.taxes:
        yield TaxEntry(
            # As text: JSON readers round numbers of 64 bits.
            queryid=str(tax.queryid),
            role=tax.role,
            calls=tax.calls,
            mean_seconds=tax.mean_seconds,
            bypassing_role=tax.bypassing_role,
            bypassing_calls=tax.bypassing_calls,
            bypassing_mean_seconds=tax.bypassing_mean_seconds,
            tax_seconds=tax.seconds,
            is_comparable=tax.is_comparable,
        )


def row_costs(table: TableReport) -> Iterator[RowCostEntry]:
    """Yield the probed costs; an unstable figure is withheld."""
    for cost in table.unit_costs:
        is_published = cost.status == "ok"
        yield RowCostEntry(
            role=cost.table.role,
            persona=cost.persona,
            policy=cost.policy_name,
            command=cost.command,
            status=cost.status,
            reason=cost.reason,
            seconds=cost.per_row if is_published else None,
            low_seconds=cost.low if is_published else None,
            high_seconds=cost.high if is_published else None,
            fixed_seconds=cost.fixed if is_published else None,
            rows=cost.rows,
            at=cost.at,
        )


def overheads(table: TableReport) -> Iterator[OverheadEntry]:
    """Yield percentiles of the overheads, by role."""
    for found in table.overheads:
        yield OverheadEntry(
            role=found.table.role,
            count=found.count,
            p50_seconds=percentile(found, 0.5),
            p95_seconds=percentile(found, 0.95),
            p99_seconds=percentile(found, 0.99),
        )


def estimate(table: TableReport) -> EstimateEntry | None:
    """Return the estimate beside its inputs; None where nothing was examined."""
    found = table.estimate
    if found is None:
        return None
    return EstimateEntry(
        seconds_total=found.seconds_total,
        rows_examined_total=found.rows_examined_total,
        share=found.share,
        row_seconds=found.row_cost,
        quality=found.quality,
        reason=found.reason,
    )


def savings(table: TableReport) -> Iterator[SavingEntry]:
    """Yield what rewrites would save; without trust the reason instead of a figure."""
    for found in table.savings:
        yield SavingEntry(
            policy=found.policy_name,
            rule=found.rule,
            personas=found.personas,
            compared_rows=found.compared_rows,
            differing_rows=found.differing_rows,
            is_trusted=found.is_trusted,
            reason=found.reason,
            now_seconds=found.now_seconds if found.is_trusted else None,
            rewritten_seconds=found.rewritten_seconds if found.is_trusted else None,
            saved_seconds=found.saved,
            sql=found.sql,
            undo=found.undo,
            at=found.at,
        )
