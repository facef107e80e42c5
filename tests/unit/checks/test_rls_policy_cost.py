from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.checks import rls_policy_cost
from monitor.model.finding import ObjectRef, Severity
from monitor.model.report import Sample
from monitor.model.rls import Overheads, Probes
from monitor.model.view import View
from monitor.rls.overheads import with_overheads
from tests.unit.factories import run, view
from tests.unit.rls.probed import GUARDED, cost

pytestmark = pytest.mark.requirement("S9.3.1-e")


def overheads(*seconds: float, role: str = "user") -> Overheads:
    return with_overheads(None, replace(GUARDED, role=role), seconds)


def seen(*found: Overheads) -> View:
    return view(probes=Probes(overheads=found, unit_costs=(cost(),)))


@pytest.mark.parametrize(
    ("seconds", "severity"),
    [(0.010, Severity.WARNING), (0.100, Severity.CRITICAL)],
)
def test_reports_policies_that_cost_more_than_their_target(
    seconds: float, severity: Severity
) -> None:
    (found,) = run(rls_policy_cost, seen(overheads(*[0.001] * 9, seconds)))

    assert found.severity is severity
    assert found.object == ObjectRef("table", "public", "notes")
    assert found.database == "app"
    assert found.value == pytest.approx(seconds * 1000)
    assert 'role "user"' in found.summary


def test_says_nothing_just_below_the_target() -> None:
    assert run(rls_policy_cost, seen(overheads(*[0.00999] * 20))) == []


def test_says_nothing_before_enough_statements_were_probed() -> None:
    assert run(rls_policy_cost, seen(overheads(*[1.0] * 9))) == []


def test_a_rare_outlier_is_within_the_target() -> None:
    assert run(rls_policy_cost, seen(overheads(*[0.001] * 19, 5.0))) == []


def test_a_policy_that_saves_time_is_no_overhead() -> None:
    assert run(rls_policy_cost, seen(overheads(*[-0.5] * 20))) == []


def test_the_worst_role_decides_and_all_are_told() -> None:
    (found,) = run(
        rls_policy_cost,
        seen(overheads(*[0.02] * 20), overheads(*[0.3] * 20, role="guest")),
    )

    assert found.severity is Severity.CRITICAL
    assert "role guest" in found.summary
    assert [evidence.name for evidence in found.evidence] == [
        "role guest",
        "role user",
        "cost of a row for persona alice",
    ]


def test_nothing_is_said_without_probes() -> None:
    assert run(rls_policy_cost, view()) == []


def test_a_figure_within_its_level_is_reported_as_a_sample() -> None:
    (sample,) = rls_policy_cost.samples(seen(overheads(*[0.004] * 20)))

    assert sample == Sample(
        metric_name="rls_policy_performance_ms",
        value=0.004 * 1000,
        unit="ms",
        database="app",
        object=ObjectRef("table", "public", "notes"),
    )
