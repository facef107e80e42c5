from dataclasses import replace

import pytest

from monitor.exporters.own import daemon_page, own, target_page
from monitor.exporters.prometheus import TargetExporter, merge
from monitor.exporters.target_metrics import MOST_FINDINGS
from monitor.model.finding import Mute, Severity
from monitor.model.state import Exposition
from tests.unit.exporters import example, states


def _value(page: Exposition, metric: str, /, **labels: str) -> float:
    wanted = set(labels.items())
    (value,) = (
        value
        for (found, own_labels), value in example.samples(page).items()
        if found == metric and wanted <= own_labels
    )
    return value


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("pg_up", {}, 1),
        ("pg_server_info", {"version": "18.6", "server_version_num": "180006"}, 1),
        ("pg_server_is_standby", {}, 0),
        ("pgvigil_capability", {"name": "statements"}, 1),
        ("pgvigil_capability", {"name": "pgstattuple"}, 0),
        ("pgvigil_snapshot_age_seconds", {}, 2),
        ("pgvigil_cycle_duration_seconds", {}, 0.04),
        ("pgvigil_collector_runs_total", {"collector": "stat_database"}, 7),
        ("pgvigil_collector_errors_total", {"collector": "stat_database"}, 1),
        ("pgvigil_collector_timeouts_total", {"collector": "stat_database"}, 0),
        ("pgvigil_collector_duration_seconds", {"collector": "stat_database"}, 0.012),
        (
            "pgvigil_collector_last_success_timestamp_seconds",
            {"collector": "stat_database"},
            states.NOW.timestamp(),
        ),
        (
            "pgvigil_collector_skipped",
            {"collector": "recovery", "reason": "The server is a primary."},
            1,
        ),
        (
            "pgvigil_finding",
            {
                "datname": "app",
                "check": "dead_tuples",
                "severity": "warning",
                "object": "public.orders",
            },
            1,
        ),
        ("pgvigil_threshold", {"check": "dead_tuples", "level": "warning"}, 20),
        ("pgvigil_connections", {}, 2),
        ("pgvigil_connects_total", {}, 5),
        ("pgvigil_connect_errors_total", {"class": "TargetUnreachable"}, 3),
        ("pgvigil_own_exec_seconds_total", {}, 1.5),
        ("pgvigil_governor_stretch_ratio", {}, 2),
        ("pgvigil_series_dropped_total", {"family": "locks"}, 4),
        ("pgvigil_actions", {"kind": "vacuum", "state": "awaiting_approval"}, 1),
    ],
)
def test_a_targets_state_is_told(
    name: str, labels: dict[str, str], expected: float
) -> None:
    page = target_page(states.target_state(), states.NOW)

    assert expected == _value(page, name, server="main", team="dba", **labels)


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("pgvigil_build_info", {"version": "0.1.0", "instance": "test"}, 1),
        ("pgvigil_config_last_reload_successful", {}, 1),
        (
            "pgvigil_config_last_reload_success_timestamp_seconds",
            {},
            states.NOW.timestamp(),
        ),
        ("pgvigil_notifier_queued", {"notifier": "alertmanager"}, 1),
        ("pgvigil_notifier_sent_total", {"receiver": "http://am:9093"}, 9),
        ("pgvigil_notifier_failed_total", {}, 0),
        ("pgvigil_notifier_dropped_total", {}, 0),
        ("pgvigil_paused", {}, 0),
        ("pgvigil_state_file_usable", {}, 1),
    ],
)
def test_the_daemons_state_is_told(
    name: str, labels: dict[str, str], expected: float
) -> None:
    page = daemon_page(states.state())

    assert expected == _value(page, name, **labels)


def test_the_process_is_told() -> None:
    page = daemon_page(states.state())

    assert _value(page, "process_resident_memory_bytes") > 0
    assert _value(page, "process_cpu_seconds_total") > 0


def test_a_refused_reload_shows_and_keeps_the_time_of_the_good_one() -> None:
    state = replace(states.state(), config_error='unknown key "targts"')

    page = daemon_page(state)

    stamp = "pgvigil_config_last_reload_success_timestamp_seconds"
    assert _value(page, "pgvigil_config_last_reload_successful") == 0
    assert _value(page, stamp) == states.NOW.timestamp()


def test_a_server_never_reached_is_down_and_has_no_age() -> None:
    state = replace(
        states.target_state(), up=False, server=None, last_cycle=None, collectors=()
    )

    page = target_page(state, states.NOW)

    names = {name for name, _ in example.samples(page)}
    assert _value(page, "pg_up") == 0
    assert not names & {"pg_server_info", "pgvigil_snapshot_age_seconds"}


def test_a_muted_finding_does_not_fire_and_a_resolved_one_is_gone() -> None:
    muted = replace(
        states.tracked("orders"),
        state="muted",
        mute=Mute(finding_id="x", reason="known", until=states.NOW),
    )
    resolved = replace(states.tracked("users"), state="resolved")
    state = replace(states.target_state(), findings=(muted, resolved))

    page = target_page(state, states.NOW)

    found = example.values(page, "pgvigil_finding", "object")
    assert found == {"public.orders": 0}


def test_the_most_urgent_findings_are_exported_when_there_are_too_many() -> None:
    many = [states.tracked(f"t{n}") for n in range(MOST_FINDINGS)]
    urgent = states.tracked("urgent", Severity.CRITICAL)
    state = replace(states.target_state(), findings=(*many, urgent))

    page = target_page(state, states.NOW)

    found = example.values(page, "pgvigil_finding", "object")
    assert len(found) == MOST_FINDINGS
    assert "public.urgent" in found
    assert _value(page, "pgvigil_findings_left_out") == 1


def test_findings_with_equal_labels_are_one_series() -> None:
    twice = (states.tracked("orders"), states.tracked("orders"))
    state = replace(states.target_state(), findings=twice)

    page = target_page(state, states.NOW)

    assert example.values(page, "pgvigil_finding", "object") == {"public.orders": 1}


def test_an_operators_label_yields_to_one_that_rules_rely_on() -> None:
    page = target_page(states.target_state(), states.NOW)

    (labels,) = (
        dict(labels)
        for name, labels in example.samples(page)
        if name == "pgvigil_finding"
    )
    assert (labels["check"], labels["exported_check"]) == ("dead_tuples", "mine")


def test_a_targets_page_counts_the_series_of_its_statistics() -> None:
    exposition = TargetExporter(example.target()).render([example.gauge("m", {1: 1})])
    state = replace(states.target_state(), exposition=exposition)

    page = target_page(state, states.NOW)

    assert _value(page, "pgvigil_series") == 1


def test_our_own_metrics_of_all_targets_are_the_same_in_both_formats() -> None:
    other = replace(
        states.target_state(), target=replace(example.target(), name="other")
    )

    page = own(states.state(states.target_state(), other))

    assert example.values(page, "pg_up", "server") == {"main": 1, "other": 1}
    assert example.openmetrics_samples(page) == example.samples(page)


def test_our_own_metrics_go_with_the_statistics_of_the_server() -> None:
    exposition = TargetExporter(example.target()).render([example.gauge("m", {1: 1})])

    page = merge(own(states.state(states.target_state())), exposition)

    assert {"pg_up", "pg_m_value"} <= {name for name, _ in example.samples(page)}
