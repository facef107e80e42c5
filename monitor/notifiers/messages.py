"""What alerts look like to receivers: Alertmanager's webhook body, Slack's message."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.model.alert import Alert, AlertState
from monitor.model.finding import Severity
from monitor.model.text import clean_line

_COLORS = {
    Severity.CRITICAL: "#d92d20",
    Severity.WARNING: "#f79009",
    Severity.INFO: "#2e90fa",
}
_OVER = "#12b76a"
_NEVER = "0001-01-01T00:00:00Z"
_LONGEST = 1_000


def webhook_body(alerts: Sequence[Alert], *, external_url: str = "") -> object:
    """Return alerts as Alertmanager posts them, version 4 of its webhook body."""
    is_any_firing = any(alert.state is AlertState.FIRING for alert in alerts)
    return {
        "version": "4",
        "receiver": "pgvigil",
        "status": "firing" if is_any_firing else "resolved",
        "groupKey": "pgvigil",
        "groupLabels": {},
        "commonLabels": _common([dict(alert.labels) for alert in alerts]),
        "commonAnnotations": _common([dict(alert.annotations) for alert in alerts]),
        "externalURL": external_url,
        "truncatedAlerts": 0,
        "alerts": [_webhook_alert(alert, external_url) for alert in alerts],
    }


def _common(texts: Sequence[dict[str, str]]) -> dict[str, str]:
    first, *others = texts or [{}]
    return {k: v for k, v in first.items() if all(o.get(k) == v for o in others)}


def _webhook_alert(alert: Alert, external_url: str) -> dict[str, object]:
    over = alert.resolved_at if alert.state is AlertState.RESOLVED else None
    return {
        "status": alert.state.value,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": (alert.fired_at or alert.active_since).isoformat(),
        "endsAt": over.isoformat() if over else _NEVER,
        "generatorURL": alert.annotations.get("finding_url", external_url),
        "fingerprint": alert.fingerprint,
    }


def slack_body(alerts: Sequence[Alert]) -> object:
    """Return one message with an attachment per alert, for an incoming webhook."""
    firing = sum(alert.state is AlertState.FIRING for alert in alerts)
    counts = [f"{firing} firing"] if firing else []
    if firing < len(alerts):
        counts.append(f"{len(alerts) - firing} resolved")
    return {
        "text": f"pgvigil: {', '.join(counts)}",
        "attachments": [_attachment(alert) for alert in alerts],
    }


def _attachment(alert: Alert) -> dict[str, object]:
    is_over = alert.state is AlertState.RESOLVED
    state = "resolved" if is_over else alert.severity.value
    links = [
        f"<{alert.annotations[key]}|{title}>"
        for key, title in (("finding_url", "Evidence"), ("runbook_url", "Runbook"))
        if key in alert.annotations
    ]
    lines = [
        _escaped(alert.annotations.get("description", "")),
        " / ".join(
            _escaped(alert.labels[name])
            for name in ("server", "datname", "object")
            if name in alert.labels
        ),
        " | ".join(links),
    ]
    summary = _escaped(alert.annotations.get("summary", alert.name))
    return {
        "color": _OVER if is_over else _COLORS[alert.severity],
        "title": f"[{state}] {summary}",
        "fallback": f"[{state}] {summary}",
        "text": "\n".join(filter(None, lines)),
    }


def _escaped(text: str) -> str:
    """Return text as Slack wants it: three characters are markup."""
    plain = clean_line(text, limit=_LONGEST)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
