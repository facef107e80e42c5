"""What is known of row level security on a target, as metric families.

Costliest tables first, as many as the target's profile has room for; what is left
out is counted. What nobody measured has no sample: it is never 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from prometheus_client.metrics_core import Metric

from monitor.exporters.labelled import NO_LABELS, Buckets, Labelled, Sample
from monitor.model.rls import BOUNDS, Probes, UnitCost
from monitor.model.rls_observed import HelperTime
from monitor.model.rls_report import RlsReport, TableReport
from monitor.model.target import Profile

MOST_TABLES: Mapping[Profile, int] = MappingProxyType(
    {"minimal": 5, "standard": 40, "everything": 2_000}
)
"""Tables with series of their own: each has 10 to 100 of them."""

MOST_TAXES = 3
MOST_HELPERS = 40

Labels = dict[str, str]
Rows = Sequence[tuple[Labels, TableReport]]


def about_rls(report: RlsReport, profile: Profile, make: Labelled) -> Iterator[Metric]:
    """Yield the families about row level security of one target."""
    ranked = sorted(
        report.tables,
        key=lambda t: (-t.seconds_total, t.database, t.schemaname, t.relname),
    )
    shown = ranked[: MOST_TABLES[profile]]
    yield from _inventory(report, len(ranked) - len(shown), make)
    rows = [(_labels(table), table) for table in shown if table.has_rls]
    yield from _observed(rows, make)
    yield from _unit_costs(rows, make)
    yield from _last_probes(rows, make)
    yield from _estimated(rows, make)
    yield from _avoidable(rows, report.helpers, make)
    yield from _probing(report.probes, make)


def _labels(table: TableReport) -> Labels:
    return {
        "datname": table.database,
        "schemaname": table.schemaname,
        "relname": table.relname,
    }


def _inventory(report: RlsReport, left_out: int, make: Labelled) -> Iterator[Metric]:
    states = Counter((table.database, table.state) for table in report.tables)
    yield make.gauge(
        "pgvigil_rls_tables",
        "Tables that row level security concerns: protected, closed (no policy),"
        " off (policies that do nothing), open (an API role may reach all rows).",
        *(({"datname": d, "state": s}, n) for (d, s), n in states.items()),
    )
    yield make.gauge(
        "pgvigil_rls_tables_left_out",
        "Tables beyond the costliest ones that have series of their own.",
        (NO_LABELS, left_out),
    )


def _observed(rows: Rows, make: Labelled) -> Iterator[Metric]:
    def loads(value: str) -> Iterator[Sample]:
        for labels, table in rows:
            for load in table.loads:
                own = {"rolname": load.role, "attribution": load.attribution}
                yield labels | own, getattr(load, value)

    yield make.counter(
        "pgvigil_rls_statement_seconds_total",
        "Time of statements subject to policies, not time of policies.",
        *loads("seconds_total"),
    )
    yield make.counter(
        "pgvigil_rls_statement_calls_total",
        "Calls of statements subject to policies.",
        *loads("calls_total"),
    )
    yield make.gauge(
        "pgvigil_rls_tax_seconds",
        "Mean time of a statement under policies less that under a bypassing role.",
        *(
            (labels | {"rolname": t.role, "queryid": str(t.queryid)}, t.seconds)
            for labels, table in rows
            for t in table.taxes[:MOST_TAXES]
        ),
    )


def _unit_costs(rows: Rows, make: Labelled) -> Iterator[Metric]:
    name = "pgvigil_rls_policy_row_cost"
    yield make.gauge(
        f"{name}_seconds",
        "Probed cost of a table's policies per row examined.",
        *_each_cost(rows, lambda cost: cost.per_row),
    )
    yield make.gauge(
        f"{name}_low_seconds",
        "Lowest cost per row over the rounds of the last probe.",
        *_each_cost(rows, lambda cost: cost.low),
    )
    yield make.gauge(
        f"{name}_high_seconds",
        "Highest cost per row over the rounds of the last probe.",
        *_each_cost(rows, lambda cost: cost.high),
    )


def _each_cost(
    rows: Rows, value: Callable[[UnitCost], float | None]
) -> Iterator[Sample]:
    """Yield published costs; an unstable one is kept but not shown."""
    for labels, table in rows:
        for cost in table.unit_costs:
            if cost.status == "ok":
                own = {
                    "rolname": cost.table.role,
                    "persona": cost.persona,
                    "policyname": cost.policy_name,
                }
                yield labels | own, value(cost)


def _last_probes(rows: Rows, make: Labelled) -> Iterator[Metric]:
    probed = [(labels, cost) for labels, table in rows for cost in _last(table)]
    yield make.gauge(
        "pgvigil_rls_probe_timestamp_seconds",
        "When a table was last probed for a persona.",
        *(
            (labels | {"persona": cost.persona}, cost.at.timestamp())
            for labels, cost in probed
        ),
    )
    yield make.gauge(
        "pgvigil_rls_probe_status",
        "1 for how the last probe of a table for a persona ended.",
        *(
            (labels | {"persona": cost.persona, "status": cost.status}, 1)
            for labels, cost in probed
        ),
    )
    yield make.histogram(
        "pgvigil_rls_policy_overhead_seconds",
        "What policies added to probed statements.",
        *(
            Buckets(
                labels=labels | {"rolname": found.table.role},
                bounds=BOUNDS,
                counts=found.counts,
                total=found.total_seconds,
            )
            for labels, table in rows
            for found in table.overheads
        ),
    )


def _last(table: TableReport) -> Iterable[UnitCost]:
    """Return the last probe of a table for each persona, whatever came of it."""
    last: dict[str, UnitCost] = {}
    for cost in table.unit_costs:
        if cost.persona not in last or last[cost.persona].at < cost.at:
            last[cost.persona] = cost
    return last.values()


def _estimated(rows: Rows, make: Labelled) -> Iterator[Metric]:
    def estimates(value: str) -> Iterator[Sample]:
        for labels, table in rows:
            if table.estimate is not None:
                yield labels, getattr(table.estimate, value)

    yield make.counter(
        "pgvigil_rls_policy_estimated_seconds_total",
        "Time of policies: rows examined times probed cost times share.",
        *estimates("seconds_total"),
    )
    yield make.counter(
        "pgvigil_rls_rows_examined_total",
        "Rows that scans of the table returned, whoever asked.",
        *estimates("rows_examined_total"),
    )
    yield make.gauge(
        "pgvigil_rls_statement_share_ratio",
        "Part of the table's statement time that policies bind.",
        *estimates("share"),
    )
    yield make.gauge(
        "pgvigil_rls_policy_estimate_quality_ratio",
        "How much of the estimate's inputs is measured and current.",
        *estimates("quality"),
    )


def _avoidable(
    rows: Rows, helpers: Iterable[HelperTime], make: Labelled
) -> Iterator[Metric]:
    yield make.gauge(
        "pgvigil_rls_avoidable_seconds",
        "What a rewrite of a policy would save per call, where that is trusted.",
        *(
            (labels | {"policyname": s.policy_name, "rule": s.rule}, s.saved)
            for labels, table in rows
            for s in table.savings
        ),
    )
    costliest = sorted(helpers, key=lambda h: (-h.seconds, h.function))
    yield make.counter(
        "pgvigil_rls_helper_function_seconds_total",
        "Time inside functions that policies call, as far as it is counted.",
        *(
            (
                {"datname": h.database, "function": h.function, "source": h.source},
                h.seconds,
            )
            for h in costliest[:MOST_HELPERS]
        ),
    )


def _probing(probes: Probes, make: Labelled) -> Iterator[Metric]:
    for name, text, value in (
        ("rounds", "Rounds of probes.", probes.rounds_total),
        ("failures", "Rounds of probes that failed.", probes.failures_total),
        ("seconds", "Time that probes took on the server.", probes.seconds_total),
    ):
        yield make.counter(f"pgvigil_rls_probe_{name}_total", text, (NO_LABELS, value))
    yield make.gauge(
        "pgvigil_rls_probe_paused",
        "Whether probes wait: budget, load or an error.",
        (NO_LABELS, bool(probes.paused)),
    )
