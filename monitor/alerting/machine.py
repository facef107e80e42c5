"""The alert state machine: pending, firing, resolved, forgotten.

An alert's identity in Alertmanager is its labels, and severity is one of them.
A warning that becomes critical is therefore two alerts: the warning resolves and
the critical one fires at once, because the condition has lasted already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from monitor.alerting.tracker import KEEP_RESOLVED
from monitor.model.alert import Alert, AlertState
from monitor.model.finding import Finding, Severity, TrackedFinding

_FOR = {Severity.CRITICAL: timedelta(0), Severity.WARNING: timedelta(minutes=5)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    """What becomes an alert and after how long.

    A finding must last `hold` of its severity before it fires, or the time that
    `hold_by_check` names for its check. Severities without a time never alert.
    `external_url` is where operators reach this daemon.
    """

    hold: Mapping[Severity, timedelta] = field(default_factory=lambda: dict(_FOR))
    hold_by_check: Mapping[str, timedelta] = field(default_factory=dict[str, timedelta])
    external_url: str = ""

    def wait(self, finding: Finding) -> timedelta | None:
        """Return how long a finding must last; None if it never alerts."""
        usual = self.hold.get(finding.alert_severity)
        if usual is None:
            return None
        return self.hold_by_check.get(finding.check, usual)

    def with_holds(self, holds: Mapping[str, timedelta]) -> AlertPolicy:
        """Return the policy with other holds for single checks."""
        if not holds:
            return self
        return replace(self, hold_by_check={**self.hold_by_check, **holds})

    def hold_of(self, alert: Alert) -> timedelta:
        """Return how long what an alert is about had to last."""
        usual = self.hold.get(alert.severity, timedelta(0))
        return self.hold_by_check.get(alert.labels.get("check", ""), usual)


Key = tuple[str, Severity]


def step(
    alerts: Iterable[Alert],
    tracked: Mapping[str, TrackedFinding],
    policy: AlertPolicy,
    labels: Mapping[str, str],
    now: datetime,
) -> tuple[Alert, ...]:
    """Return the alerts after one evaluation, in a stable order.

    `labels` are the target's own; they never override ours.
    """
    before: dict[Key, Alert] = {(a.fingerprint, a.severity): a for a in alerts}
    after: dict[Key, Alert] = {}
    for identity, one in tracked.items():
        wait = policy.wait(one.finding)
        if one.state != "open" or wait is None:
            continue
        key = (identity, one.finding.alert_severity)
        fresh = _alert(one, policy, labels)
        after[key] = _advance(before.get(key), fresh, wait, now)
    for key, old in before.items():
        if key not in after and (ended := _end(old, now)) is not None:
            after[key] = ended
    return tuple(after[key] for key in sorted(after))


def _advance(old: Alert | None, fresh: Alert, wait: timedelta, now: datetime) -> Alert:
    """Move a condition that holds towards firing.

    `active_since` is when the finding was first seen, whatever its severity
    then; an alert that was resolved begins anew with its finding.
    """
    if old is not None and old.state is AlertState.FIRING:
        return replace(fresh, state=AlertState.FIRING, fired_at=old.fired_at)
    if now - fresh.active_since >= wait:
        return replace(fresh, state=AlertState.FIRING, fired_at=now)
    return fresh


def _end(old: Alert, now: datetime) -> Alert | None:
    """Move a condition that no longer holds towards oblivion."""
    if old.state is AlertState.FIRING:
        return replace(old, state=AlertState.RESOLVED, resolved_at=now)
    if old.resolved_at is not None and now - old.resolved_at <= KEEP_RESOLVED:
        return old
    return None


def alert_name(check: str) -> str:
    """Return a check's alert name: CamelCase with our prefix."""
    return "Pgvigil" + "".join(word.capitalize() for word in check.split("_"))


def _alert(
    tracked: TrackedFinding, policy: AlertPolicy, labels: Mapping[str, str]
) -> Alert:
    finding = tracked.finding
    own = {
        "alertname": alert_name(finding.check),
        "severity": finding.alert_severity.value,
        "server": finding.target,
        "datname": finding.database,
        "check": finding.check,
        "object_type": finding.object.type,
        "object": str(finding.object),
    }
    return Alert(
        fingerprint=finding.id,
        name=own["alertname"],
        severity=finding.alert_severity,
        state=AlertState.PENDING,
        labels={k: v for k, v in {**labels, **own}.items() if v},
        annotations=_annotations(finding, policy),
        active_since=tracked.first_seen,
    )


def _annotations(finding: Finding, policy: AlertPolicy) -> dict[str, str]:
    """Return summary (constant per check), description (figures) and links."""
    url = policy.external_url.rstrip("/")
    annotations = {"summary": finding.title, "description": finding.summary}
    if finding.remedy is not None:
        annotations["remedy_sql"] = finding.remedy.sql
    if url:
        annotations["runbook_url"] = f"{url}/runbooks/{finding.check}"
        where = urlencode({"target": finding.target, "check": finding.check})
        annotations["finding_url"] = f"{url}/?{where}#finding-{finding.id}"
    return annotations
