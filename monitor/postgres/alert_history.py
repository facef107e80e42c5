"""Writes alerts to `monitoring.alerts`: one row for each time one fired."""

from __future__ import annotations

from typing import Any

from monitor.model.alert import Alert
from monitor.model.text import clean_text

STATEMENT = """
    with resolved as (
        update monitoring.alerts as a
        set resolved_at = greatest(%(at)s, a.fired_at)
        where
            a.target = %(target)s
            and a.resolved_at is null
            and (a.fingerprint, a.severity, a.fired_at) not in (
                select
                    r.fingerprint,
                    r.severity,
                    r.fired_at
                from pg_catalog.jsonb_populate_recordset(
                    null::monitoring.alerts,
                    %(rows)s
                ) as r
            )
    )

    insert into monitoring.alerts as a (
        target,
        fingerprint,
        severity,
        fired_at,
        active_since,
        resolved_at,
        alertname,
        datname,
        object_type,
        object,
        labels,
        summary,
        description
    )
    select
        %(target)s,
        r.fingerprint,
        r.severity,
        r.fired_at,
        r.active_since,
        r.resolved_at,
        r.alertname,
        r.datname,
        r.object_type,
        r.object,
        r.labels,
        r.summary,
        r.description
    from pg_catalog.jsonb_populate_recordset(
        null::monitoring.alerts,
        %(rows)s
    ) as r
    on conflict (target, fingerprint, severity, fired_at) do update set
        resolved_at = excluded.resolved_at
    where a.resolved_at is distinct from excluded.resolved_at
"""


def row(alert: Alert) -> dict[str, Any]:
    """Return an alert as a row of `monitoring.alerts`."""
    labels = alert.labels
    return {
        "fingerprint": alert.fingerprint,
        "severity": alert.severity,
        "fired_at": alert.fired_at.isoformat() if alert.fired_at else None,
        "active_since": alert.active_since.isoformat(),
        "resolved_at": alert.resolved_at.isoformat() if alert.resolved_at else None,
        "alertname": alert.name,
        "datname": clean_text(labels.get("datname", "")),
        "object_type": labels.get("object_type", ""),
        "object": clean_text(labels.get("object", "")),
        "labels": {name: clean_text(value) for name, value in labels.items()},
        "summary": alert.annotations.get("summary", ""),
        "description": clean_text(alert.annotations.get("description", "")),
    }
