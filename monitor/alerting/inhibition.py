"""Which firing alerts say nothing that a firing one does not say already.

Alertmanager does this by the rules of its configuration, for which
`alerts/alertmanager.example.yml` has the same ones; receivers that are told
directly have nobody else to do it.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.alerting.availability import CHECK as TARGET_DOWN
from monitor.alerting.machine import alert_name
from monitor.alerting.overall import MONITOR_BLIND
from monitor.model.alert import Alert, AlertState
from monitor.model.finding import Severity


def inhibited(alerts: Sequence[Alert]) -> frozenset[int]:
    """Return the positions of alerts that are not to be told while others fire.

    A server that cannot be reached hides all else about it, a daemon that has
    gone blind hides the servers that it lost, and a critical alert hides the
    warnings about the same object.
    """
    firing = [a for a in alerts if a.state is AlertState.FIRING]
    down = {a.labels.get("server") for a in firing if a.name == _DOWN}
    is_blind = any(a.name == MONITOR_BLIND for a in firing)
    critical = {_subject(a) for a in firing if a.severity is Severity.CRITICAL}
    return frozenset(
        number
        for number, alert in enumerate(alerts)
        if alert.state is AlertState.FIRING
        and (
            (alert.name == _DOWN and is_blind)
            or (alert.name != _DOWN and alert.labels.get("server", "") in down)
            or (alert.severity is not Severity.CRITICAL and _subject(alert) in critical)
        )
    )


_DOWN = alert_name(TARGET_DOWN)


def _subject(alert: Alert) -> tuple[str, ...]:
    """Return what an alert is about: the same object of the same server."""
    names = ("server", "datname", "object_type", "object")
    subject = tuple(alert.labels.get(name, "") for name in names)
    # About nothing in particular is not about the same.
    return subject if subject[0] else (alert.name, *alert.labels.values())
