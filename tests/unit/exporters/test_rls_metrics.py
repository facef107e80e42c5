from dataclasses import replace

import pytest

from monitor.exporters.own import target_page
from monitor.exporters.rls_metrics import MOST_TABLES
from monitor.model.rls import BOUNDS
from monitor.model.rls_report import RlsReport
from monitor.model.state import Exposition
from tests.unit.exporters import example, states

TABLE = {"datname": "app", "schemaname": "public", "relname": "items"}


def _values(page: Exposition, metric: str, /, **labels: str) -> list[float]:
    wanted = set(labels.items())
    return [
        value
        for (found, own_labels), value in example.samples(page).items()
        if found == metric and wanted <= own_labels
    ]


def _page(report: RlsReport) -> Exposition:
    return target_page(replace(states.target_state(), rls=report), states.NOW)


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        (
            "pgvigil_rls_statement_seconds_total",
            TABLE | {"rolname": "web", "attribution": "server"},
            12.5,
        ),
        (
            "pgvigil_rls_statement_calls_total",
            TABLE | {"rolname": "web", "attribution": "server"},
            50,
        ),
        ("pgvigil_rls_tax_seconds", TABLE | {"rolname": "web", "queryid": "77"}, 0.25),
        (
            "pgvigil_rls_policy_row_cost_seconds",
            TABLE | {"rolname": "web", "persona": "alice", "policyname": "combined"},
            4e-6,
        ),
        ("pgvigil_rls_policy_row_cost_low_seconds", TABLE, 3e-6),
        ("pgvigil_rls_policy_row_cost_high_seconds", TABLE, 5e-6),
        (
            "pgvigil_rls_probe_timestamp_seconds",
            TABLE | {"persona": "bob"},
            states.NOW.timestamp(),
        ),
        ("pgvigil_rls_probe_status", TABLE | {"persona": "bob"}, 1),
        ("pgvigil_rls_policy_estimated_seconds_total", TABLE, 9.5),
        ("pgvigil_rls_rows_examined_total", TABLE, 4e6),
        ("pgvigil_rls_statement_share_ratio", TABLE, 0.8),
        ("pgvigil_rls_policy_estimate_quality_ratio", TABLE, 0.6),
        (
            "pgvigil_rls_helper_function_seconds_total",
            {"datname": "app", "function": "auth.is_admin()", "source": "functions"},
            2.5,
        ),
        (
            "pgvigil_rls_avoidable_seconds",
            TABLE | {"policyname": "own", "rule": "call_not_wrapped"},
            pytest.approx(0.3),
        ),
        ("pgvigil_rls_tables", {"datname": "app", "state": "protected"}, 1),
        ("pgvigil_rls_tables", {"datname": "app", "state": "off"}, 1),
        ("pgvigil_rls_tables_left_out", {}, 0),
        ("pgvigil_rls_probe_rounds_total", {}, 12),
        ("pgvigil_rls_probe_failures_total", {}, 2),
        ("pgvigil_rls_probe_seconds_total", {}, 1.5),
        ("pgvigil_rls_probe_paused", {}, 1),
    ],
)
def test_what_is_known_of_policies_is_told(
    name: str, labels: dict[str, str], expected: float
) -> None:
    page = target_page(states.target_state(), states.NOW)

    assert [expected] == _values(page, name, server="main", team="dba", **labels)


def test_overheads_are_a_cumulative_histogram() -> None:
    page = target_page(states.target_state(), states.NOW)

    name, labels = "pgvigil_rls_policy_overhead_seconds", TABLE | {"rolname": "web"}
    assert _values(page, f"{name}_bucket", le="0.0025", **labels) == [0]
    assert _values(page, f"{name}_bucket", le="0.005", **labels) == [2]
    assert _values(page, f"{name}_bucket", le="0.01", **labels) == [3]
    assert _values(page, f"{name}_bucket", le="+Inf", **labels) == [4]
    assert _values(page, f"{name}_count", **labels) == [4]
    assert _values(page, f"{name}_sum", **labels) == [3.1]
    assert len(BOUNDS) + 1 == len(_values(page, f"{name}_bucket"))


@pytest.mark.parametrize("openmetrics", [True, False])
def test_a_histogram_declares_its_type_under_its_own_name(*, openmetrics: bool) -> None:
    page = target_page(states.target_state(), states.NOW)

    text = page.body(openmetrics=openmetrics, compressed=False).decode()

    assert "# TYPE pgvigil_rls_policy_overhead_seconds histogram\n" in text


def test_an_unstable_cost_has_a_status_but_no_figure() -> None:
    page = target_page(states.target_state(), states.NOW)

    name = "pgvigil_rls_policy_row_cost_seconds"
    assert _values(page, name, persona="bob") == []
    assert _values(
        page, "pgvigil_rls_probe_status", persona="bob", status="unstable"
    ) == [1]


def test_a_saving_that_is_not_trusted_is_withheld() -> None:
    table = replace(states.guarded_table(), savings=(states.saving(is_trusted=False),))

    page = _page(RlsReport(tables=(table,)))

    assert _values(page, "pgvigil_rls_avoidable_seconds") == []


def test_what_nobody_measured_has_no_sample() -> None:
    table = replace(states.guarded_table(), estimate=None, unit_costs=(), overheads=())

    page = _page(RlsReport(tables=(table,)))

    assert _values(page, "pgvigil_rls_policy_estimated_seconds_total") == []
    assert _values(page, "pgvigil_rls_policy_row_cost_seconds") == []
    assert _values(page, "pgvigil_rls_policy_overhead_seconds_count") == []


def test_only_the_costliest_tables_have_series_and_the_others_are_counted() -> None:
    most = MOST_TABLES["standard"]
    tables = tuple(
        replace(states.guarded_table(f"t{n}", seconds=n), relid=n)
        for n in range(most + 3)
    )

    page = _page(RlsReport(tables=tables))

    name = "pgvigil_rls_statement_seconds_total"
    assert most == len(_values(page, name))
    assert _values(page, name, relname="t2") == []
    assert _values(page, name, relname="t3") == [3.0]
    assert _values(page, "pgvigil_rls_tables_left_out") == [3]
