"""Alerts on the watch as a whole: that it goes on, and that it has gone blind.

The Watchdog always fires. Whoever expects it and does not get it knows that the
daemon, or the way from it, is dead: every other alert only seems resolved then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.alerting.tracker import KEEP_RESOLVED
from monitor.model.alert import Alert, AlertState
from monitor.model.finding import Severity

WATCHDOG = "PgvigilWatchdog"
MONITOR_BLIND = "PgvigilMonitorBlind"
BLIND_SHARE = 0.2
LEAST_LOST = 2
"""A single server that is down is its own alert, however few are watched."""
_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlook:
    """What the alerts on the whole watch are made with."""

    instance: str
    started_at: datetime
    has_watchdog: bool = True
    external_url: str = ""


def overall(
    reached: Mapping[str, bool], before: Iterable[Alert], look: Overlook, now: datetime
) -> tuple[Alert, ...]:
    """Return the daemon's own alerts; `reached` says of each target whether it is up.

    Losing more than a fifth of the targets, and at least two, is one alert: the
    network, the credentials or this host are to blame rather than the servers.
    """
    known = {alert.name: alert for alert in before}
    found = [_watchdog(look)] if look.has_watchdog else []
    lost = sorted(name for name, is_up in reached.items() if not is_up)
    blind = known.get(MONITOR_BLIND)
    if len(lost) >= LEAST_LOST and len(lost) > BLIND_SHARE * len(reached):
        is_new = blind is None or blind.state is AlertState.RESOLVED
        since = now if is_new or blind is None else blind.active_since
        found.append(_blind(lost, len(reached), look, since))
    elif blind is not None and (ended := _ended(blind, now)) is not None:
        found.append(ended)
    return tuple(found)


def _watchdog(look: Overlook) -> Alert:
    return Alert(
        fingerprint=WATCHDOG,
        name=WATCHDOG,
        severity=Severity.INFO,
        state=AlertState.FIRING,
        labels={
            "alertname": WATCHDOG,
            "severity": Severity.INFO.value,
            "instance": look.instance,
        },
        annotations={
            "summary": "pgvigil watches; this alert always fires",
            "description": "Its absence is the alarm.",
            **_links("watchdog", look),
        },
        active_since=look.started_at,
        fired_at=look.started_at,
    )


def _blind(lost: list[str], targets: int, look: Overlook, since: datetime) -> Alert:
    """Return the alert, without the instance: peers that are blind say the same."""
    named = ", ".join(lost[:_NAMED]) + (" and others" if len(lost) > _NAMED else "")
    return Alert(
        fingerprint=MONITOR_BLIND,
        name=MONITOR_BLIND,
        severity=Severity.CRITICAL,
        state=AlertState.FIRING,
        labels={"alertname": MONITOR_BLIND, "severity": Severity.CRITICAL.value},
        annotations={
            "summary": "pgvigil has lost more than a fifth of its servers",
            "description": (
                f"{look.instance} reaches {targets - len(lost)} of {targets} servers."
                f" Lost are {named}."
            ),
            **_links("monitor_blind", look),
        },
        active_since=since,
        fired_at=since,
    )


def _links(page: str, look: Overlook) -> dict[str, str]:
    url = look.external_url
    if not url:
        return {}
    return {"runbook_url": f"{url}/runbooks/{page}", "finding_url": f"{url}/"}


def _ended(alert: Alert, now: datetime) -> Alert | None:
    if alert.state is AlertState.FIRING:
        return replace(alert, state=AlertState.RESOLVED, resolved_at=now)
    if alert.resolved_at is not None and now - alert.resolved_at <= KEEP_RESOLVED:
        return alert
    return None
