"""From findings to alerts, over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerting.machine import AlertPolicy, alert_name, step
from monitor.alerting.tracker import KEEP_RESOLVED, track
from monitor.model.alert import Alert, AlertState
from monitor.model.finding import Finding, Mute, ObjectRef, Severity, TrackedFinding

START = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = AlertPolicy(external_url="https://vigil.example/")
LABELS = {"team": "payments"}


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def finding(severity: Severity = Severity.WARNING) -> Finding:
    return Finding(
        check="replication_lag",
        title="Standby lags behind",
        target="orders",
        severity=severity,
        object=ObjectRef("standby", name="replica-1"),
        summary="replica-1 is 40 s behind.",
    )


class Timeline:
    """Runs tracker and machine through a sequence of evaluations."""

    def __init__(self, policy: AlertPolicy = POLICY) -> None:
        self.policy = policy
        self.tracked: Mapping[str, TrackedFinding] = {}
        self.alerts: tuple[Alert, ...] = ()
        self.mutes: dict[str, Mute] = {}

    def evaluate(
        self, minutes: float, *found: Finding, judged: bool = True
    ) -> list[tuple[Severity, AlertState]]:
        now = at(minutes)
        self.tracked = track(
            self.tracked,
            found,
            was_judged=lambda _: judged,
            mutes=self.mutes,
            now=now,
        )
        self.alerts = step(self.alerts, self.tracked, self.policy, LABELS, now)
        return [(a.severity, a.state) for a in self.alerts]


WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL
PENDING, FIRING, RESOLVED = AlertState.PENDING, AlertState.FIRING, AlertState.RESOLVED


def test_a_warning_is_pending_until_it_has_lasted() -> None:
    line = Timeline()

    assert line.evaluate(0, finding()) == [(WARNING, PENDING)]
    assert line.evaluate(4.9, finding()) == [(WARNING, PENDING)]
    assert line.evaluate(5, finding()) == [(WARNING, FIRING)]


def test_a_critical_finding_fires_at_once() -> None:
    assert Timeline().evaluate(0, finding(CRITICAL)) == [(CRITICAL, FIRING)]


def test_a_pending_alert_that_ends_is_never_sent() -> None:
    line = Timeline()
    line.evaluate(0, finding())

    assert line.evaluate(1) == []


def test_a_firing_alert_resolves_and_is_kept_for_re_sending() -> None:
    line = Timeline()
    line.evaluate(0, finding(CRITICAL))

    assert line.evaluate(1) == [(CRITICAL, RESOLVED)]
    assert line.alerts[0].resolved_at == at(1)
    assert line.evaluate(15) == [(CRITICAL, RESOLVED)]
    assert line.evaluate(17) == []


def test_missing_data_does_not_resolve() -> None:
    line = Timeline()
    line.evaluate(0, finding(CRITICAL))

    assert line.evaluate(1, judged=False) == [(CRITICAL, FIRING)]


def test_a_firing_alert_keeps_when_it_fired() -> None:
    line = Timeline()
    line.evaluate(0, finding(CRITICAL))

    line.evaluate(30, finding(CRITICAL))

    assert line.alerts[0].fired_at == at(0)
    assert line.alerts[0].active_since == at(0)


def test_a_condition_that_returns_after_it_resolved_begins_anew() -> None:
    line = Timeline()
    line.evaluate(0, finding())
    line.evaluate(5, finding())
    line.evaluate(6)

    assert line.evaluate(7, finding()) == [(WARNING, PENDING)]
    assert line.alerts[0].active_since == at(7)


def test_escalation_fires_the_critical_one_and_resolves_the_warning() -> None:
    line = Timeline()
    line.evaluate(0, finding())
    line.evaluate(5, finding())

    states = line.evaluate(6, finding(CRITICAL))

    assert states == [(CRITICAL, FIRING), (WARNING, RESOLVED)]


def test_escalation_of_a_pending_warning_leaves_nothing_behind() -> None:
    line = Timeline()
    line.evaluate(0, finding())

    assert line.evaluate(1, finding(CRITICAL)) == [(CRITICAL, FIRING)]


def test_easing_to_a_warning_that_has_lasted_fires_it() -> None:
    line = Timeline()
    line.evaluate(0, finding(CRITICAL))

    assert line.evaluate(6, finding()) == [(CRITICAL, RESOLVED), (WARNING, FIRING)]


def test_information_never_alerts() -> None:
    assert Timeline().evaluate(0, finding(Severity.INFO)) == []


def test_a_lint_alerts_at_most_as_a_warning() -> None:
    lint = replace(finding(CRITICAL), kind="lint")

    assert Timeline().evaluate(0, lint) == [(WARNING, PENDING)]


def test_a_check_can_have_a_time_of_its_own() -> None:
    line = Timeline(AlertPolicy(hold_by_check={"replication_lag": timedelta(0)}))

    assert line.evaluate(0, finding()) == [(WARNING, FIRING)]


def test_a_mute_resolves_the_alert_and_ends_by_itself() -> None:
    line = Timeline()
    line.evaluate(0, finding(CRITICAL))
    line.mutes[finding().id] = Mute(
        finding_id=finding().id, reason="known", until=at(10)
    )

    assert line.evaluate(1, finding(CRITICAL)) == [(CRITICAL, RESOLVED)]
    assert line.tracked[finding().id].state == "muted"
    assert line.evaluate(10, finding(CRITICAL)) == [(CRITICAL, FIRING)]


def test_a_muted_finding_that_was_not_judged_stays_muted() -> None:
    line = Timeline()
    line.mutes[finding().id] = Mute(
        finding_id=finding().id, reason="known", until=at(10)
    )
    line.evaluate(0, finding(CRITICAL))

    line.evaluate(1, judged=False)

    assert line.tracked[finding().id].state == "muted"


def test_a_resolved_finding_is_forgotten_after_a_while() -> None:
    line = Timeline()
    line.evaluate(0, finding())
    line.evaluate(1)

    line.evaluate(1 + KEEP_RESOLVED.total_seconds() / 60)
    assert line.tracked
    line.evaluate(2 + KEEP_RESOLVED.total_seconds() / 60)

    assert line.tracked == {}


def test_labels_identify_and_never_carry_figures() -> None:
    line = Timeline()
    line.evaluate(0, finding(CRITICAL))

    assert line.alerts[0].labels == {
        "team": "payments",
        "alertname": "PgvigilReplicationLag",
        "severity": "critical",
        "server": "orders",
        "check": "replication_lag",
        "object_type": "standby",
        "object": "replica-1",
    }


def test_a_target_label_cannot_replace_one_of_ours() -> None:
    tracked = track(
        {}, [finding(CRITICAL)], was_judged=lambda _: True, mutes={}, now=at(0)
    )

    (alert,) = step((), tracked, POLICY, {"severity": "none"}, at(0))

    assert alert.labels["severity"] == "critical"


def test_annotations_lead_to_the_runbook_and_the_finding() -> None:
    line = Timeline()
    line.evaluate(0, finding(CRITICAL))
    annotations = line.alerts[0].annotations

    assert annotations["summary"] == "Standby lags behind"
    assert annotations["description"] == "replica-1 is 40 s behind."
    assert annotations["runbook_url"] == (
        "https://vigil.example/runbooks/replication_lag"
    )
    assert finding().id in annotations["finding_url"]


def test_the_order_of_findings_does_not_matter() -> None:
    first, second = finding(CRITICAL), finding(CRITICAL)
    other = Finding(
        check="deadlocks",
        target="orders",
        severity=CRITICAL,
        object=ObjectRef("database", name="app"),
        summary="9 deadlocks.",
    )

    one, two = Timeline(), Timeline()
    one.evaluate(0, first, other)
    two.evaluate(0, other, second)

    assert one.alerts == two.alerts


@pytest.mark.parametrize(
    ("check", "expected"),
    [("deadlocks", "PgvigilDeadlocks"), ("cache_hit", "PgvigilCacheHit")],
)
def test_alert_names_are_camel_case(check: str, expected: str) -> None:
    assert alert_name(check) == expected
