"""What findings, actions and alerts look like outside: one shape on every surface.

CLI, API, page and store all show what these functions return. Keys are stable,
values are what JSON knows: moments are ISO 8601 with their zone, time spans
seconds under a key ending in `_seconds`. Texts are exact: SQL must name what it
names, so a surface that renders markup or a terminal escapes them itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from math import isfinite
from typing import cast, get_args, get_type_hints

from monitor.model.action import JournalEntry, Refusal
from monitor.model.alert import Alert
from monitor.model.finding import Evidence, Finding, Mute, ObjectRef, TrackedFinding
from monitor.model.silence import Silence
from monitor.model.state import EffectiveThreshold, NotifierStatus

Shape = dict[str, object]


def finding_as_dict(tracked: TrackedFinding, silences: Iterable[Silence] = ()) -> Shape:
    """Return a finding with its life; `silences` are those that cover its alert."""
    finding = tracked.finding
    return {
        "id": finding.id,
        "check": finding.check,
        "kind": finding.kind,
        "severity": finding.severity.value,
        "target": finding.target,
        "database": finding.database,
        "object": object_as_dict(finding.object),
        "title": finding.title,
        "summary": finding.summary,
        "evidence": [evidence_as_dict(one) for one in finding.evidence],
        "unknowns": list(finding.unknowns),
        "confidence": finding.confidence,
        "remedy": _remedy(finding),
        "first_seen": moment(tracked.first_seen),
        "last_seen": moment(tracked.last_seen),
        "state": tracked.state,
        "mute": mute_as_dict(tracked.mute) if tracked.mute else None,
        "silences": [_silence(one) for one in silences],
    }


def _silence(silence: Silence) -> Shape:
    return {
        "id": silence.id,
        "until": moment(silence.until),
        "by": silence.by,
        "comment": silence.comment,
    }


def object_as_dict(ref: ObjectRef) -> Shape:
    """Return what a finding is about."""
    return {"type": ref.type, "schema": ref.schema, "name": ref.name}


def evidence_as_dict(evidence: Evidence) -> Shape:
    """Return one figure; `window_seconds` is null for a momentary value."""
    return {
        "name": evidence.name,
        "value": plain(evidence.value),
        "unit": evidence.unit,
        "window_seconds": seconds(evidence.window),
    }


def _remedy(finding: Finding) -> Shape | None:
    remedy = finding.remedy
    if remedy is None:
        return None
    return {
        "sql": remedy.sql,
        "undo": remedy.undo,
        "lock": remedy.lock,
        "risk": remedy.risk,
    }


def mute_as_dict(mute: Mute) -> Shape:
    """Return who muted a finding, why and until when."""
    return {"reason": mute.reason, "until": moment(mute.until), "by": mute.by}


def action_as_dict(entry: JournalEntry) -> Shape:
    """Return a row of the journal: what is to be done, and how far it got."""
    action = entry.action
    return {
        "id": entry.id,
        "kind": action.kind,
        "target": action.target,
        "database": action.database,
        "schema": action.schema,
        "name": action.name,
        "mode": entry.mode.value,
        "state": entry.state.value,
        "is_final": entry.state.is_final,
        "sql": entry.sql,
        "undo": entry.undo_sql,
        "lock": action.lock,
        "reason": action.reason,
        "evidence": [evidence_as_dict(one) for one in action.evidence],
        "finding_id": action.finding_id,
        "size_bytes": action.size_bytes,
        "actor": entry.actor,
        "detail": entry.detail,
        "verified": dict(entry.verified),
        "created_at": moment(entry.created_at),
        "updated_at": moment(entry.updated_at),
    }


def refusal_as_dict(refusal: Refusal) -> Shape:
    """Return an action that is not taken now, with the rule that says so."""
    return plain_fields(refusal)


def alert_as_dict(alert: Alert) -> Shape:
    """Return an alert as it was or will be sent."""
    return {
        "fingerprint": alert.fingerprint,
        "name": alert.name,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "active_since": moment(alert.active_since),
        "fired_at": moment(alert.fired_at),
        "resolved_at": moment(alert.resolved_at),
    }


def threshold_as_dict(threshold: EffectiveThreshold, target: str) -> Shape:
    """Return a threshold in force on one target, with its origin."""
    return {"target": target, **plain_fields(threshold)}


def notifier_as_dict(status: NotifierStatus) -> Shape:
    """Return how delivery to one receiver fares."""
    shown = plain_fields(status)
    return {**shown, "silences": [_silence(one) for one in status.silences]}


def moment(value: datetime | None) -> str | None:
    """Return a moment in ISO 8601."""
    return value.isoformat() if value is not None else None


def seconds(value: timedelta | None) -> float | None:
    """Return a time span in seconds."""
    return value.total_seconds() if value is not None else None


def plain_fields(value: object) -> Shape:
    """Return a dataclass under its own field names; time spans get `_seconds`.

    Raises:
        TypeError: it is none, and not what JSON knows either.
    """
    if not is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{type(value).__name__} cannot be shown")
    spans = _spans(type(value))
    return {
        f"{f.name}_seconds" if f.name in spans else f.name: plain(
            getattr(value, f.name)
        )
        for f in fields(value)
    }


@cache
def _spans(kind: type[object]) -> frozenset[str]:
    hints = get_type_hints(kind)
    return frozenset(n for n, h in hints.items() if timedelta in (h, *get_args(h)))


def plain(value: object) -> object:
    """Return a value of the model as JSON knows it; NaN and infinity are null."""
    match value:
        case Enum():
            value = value.value
        case datetime():
            value = moment(value)
        case timedelta():
            value = seconds(value)
        case Mapping():
            table = cast("Mapping[object, object]", value)
            value = {str(key): plain(one) for key, one in table.items()}
        case float():
            value = value if isfinite(value) else None
        case None | int() | str():
            pass
        case Sequence():
            value = [plain(one) for one in cast("Sequence[object]", value)]
        case _:
            value = plain_fields(value)
    return value
