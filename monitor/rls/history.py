"""What the server's own tables keep of the report on row level security."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from monitor.model.report import RlsObservation
from monitor.model.rls import Overheads
from monitor.model.rls_report import Load, RlsReport, TableReport, percentile

MILLISECONDS = 1000.0


def observations(report: RlsReport) -> Iterator[RlsObservation]:
    """Yield one row for each table and role with traffic lately or a probed cost."""
    if report.at is None:
        return
    for table in report.tables:
        by_role: dict[str, list[Load]] = defaultdict(list)
        for load in table.loads:
            if load.recent_calls:
                by_role[load.role].append(load)
        probed = {found.table.role: found for found in table.overheads if found.recent}
        for role in sorted(by_role.keys() | probed.keys()):
            yield _row(table, role, by_role[role], probed.get(role), report.at)


def _row(
    table: TableReport,
    role: str,
    loads: Sequence[Load],
    probed: Overheads | None,
    at: datetime,
) -> RlsObservation:
    window = loads[0].window if loads else None
    is_confirmed = bool(loads) and all(one.attribution == "server" for one in loads)
    return RlsObservation(
        database=table.database,
        schemaname=table.schemaname,
        tablename=table.relname,
        roles=(role,),
        since=at - window if window else at,
        calls=sum(load.recent_calls or 0 for load in loads),
        total_exec_time_ms=sum(load.recent_seconds or 0.0 for load in loads)
        * MILLISECONDS,
        overhead_p50_ms=_percentile(probed, 0.5),
        overhead_p95_ms=_percentile(probed, 0.95),
        overhead_p99_ms=_percentile(probed, 0.99),
        attribution="server" if is_confirmed else "ast",
    )


def _percentile(probed: Overheads | None, share: float) -> float | None:
    found = percentile(probed, share) if probed else None
    return found * MILLISECONDS if found is not None else None
