"""Gives findings a life: first seen, last seen, muted, resolved, forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.model.finding import Finding, FindingState, Mute, TrackedFinding

KEEP_RESOLVED = timedelta(minutes=15)
"""How long a resolved finding stays on the page, and its alert is re-sent."""


def track(
    known: Mapping[str, TrackedFinding],
    found: Iterable[Finding],
    *,
    was_judged: Callable[[Finding], bool],
    mutes: Mapping[str, Mute],
    now: datetime,
) -> dict[str, TrackedFinding]:
    """Return all findings by id after one evaluation.

    A finding that is not found again is resolved only if its check could judge
    it (`was_judged`): missing data is not good news. A finding that returns
    after it was resolved begins anew.
    """
    tracked = {f.id: _seen(known.get(f.id), f, mutes, now) for f in found}
    for identity, old in known.items():
        if identity in tracked:
            continue
        if old.state == "resolved":
            if now - old.last_seen <= KEEP_RESOLVED:
                tracked[identity] = old
        elif was_judged(old.finding):
            tracked[identity] = replace(old, state="resolved", last_seen=now)
        else:
            tracked[identity] = _with_mute(old, mutes, now)
    return tracked


def _seen(
    old: TrackedFinding | None,
    finding: Finding,
    mutes: Mapping[str, Mute],
    now: datetime,
) -> TrackedFinding:
    first_seen = old.first_seen if old and old.state != "resolved" else now
    fresh = TrackedFinding(finding=finding, first_seen=first_seen, last_seen=now)
    return _with_mute(fresh, mutes, now)


def _with_mute(
    tracked: TrackedFinding, mutes: Mapping[str, Mute], now: datetime
) -> TrackedFinding:
    mute = mutes.get(tracked.finding.id)
    if mute is not None and mute.until <= now:
        mute = None
    state: FindingState = "muted" if mute else "open"
    return replace(tracked, mute=mute, state=state)
