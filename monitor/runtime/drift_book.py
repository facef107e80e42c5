"""The accepted states of one target's row level security, and what differs now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from monitor.model.baseline import Baseline, Drift
from monitor.model.finding import TrackedFinding
from monitor.model.view import View
from monitor.rls import drift
from monitor.rls.drift import Present

CHECK = "rls_drift"
_USUAL_HOURS = 24.0
ROLES = ""
"""Instead of a database: the roles of the server."""

Place = tuple[str, str]
"""Database and object of a finding."""


class DriftBook:
    """Keeps a baseline for each database; the first sight of one is its baseline.

    A difference is accepted when an operator mutes its finding, or when it has
    stood for as long as the check's `keep_hours` say; then it is part of the
    baseline. For one thread at a time.
    """

    def __init__(self, baselines: Mapping[str, Baseline] | None = None) -> None:
        self.baselines: Mapping[str, Baseline] = dict(baselines or {})
        self._quiet: dict[str, tuple[object, ...]] = {}

    def look(
        self, view: View, muted: Collection[Place], keep: timedelta
    ) -> dict[str, tuple[Drift, ...]]:
        """Return what differs, by database, and accept what is to be accepted."""
        told: dict[str, tuple[Drift, ...]] = {}
        known = {
            name: base
            for name, base in self.baselines.items()
            if name == ROLES or not _is_gone(view, name)
        }
        for datname, now in _presents(view):
            base = known.get(datname)
            if base is None:
                known[datname] = drift.first_baseline(datname, now, view.now)
            elif not now.is_made_of(self._quiet.pop(datname, ())):
                found = tuple(
                    replace(each, is_accepted=_is_over(each, muted, view, keep))
                    for each in drift.drifts(base, now, view.target.rls, view.now)
                )
                known[datname] = drift.settled(base, now, found)
                told[datname] = tuple(each for each in found if not each.is_accepted)
                if found:
                    continue
            self._quiet[datname] = now.parts
        # Replaced as a whole: a thread may be writing the former one.
        self.baselines = known
        return told


def _is_gone(view: View, datname: str) -> bool:
    """Say whether a database was dropped; before they are known, none was."""
    return bool(view.databases) and datname not in view.databases.values()


def _presents(view: View) -> Iterable[tuple[str, Present]]:
    roles = drift.present_roles(view)
    if roles is not None:
        yield ROLES, roles
    for datname in view.catalogs:
        now = drift.present(view, datname)
        if now is not None:
            yield datname, now


def _is_over(
    found: Drift, muted: Collection[Place], view: View, keep: timedelta
) -> bool:
    place = (found.database, str(found.place))
    return found.is_accepted or place in muted or view.now - found.since >= keep


def patience(thresholds: object) -> timedelta:
    """Return how long a difference stands, by the check's thresholds if it has any."""
    return timedelta(hours=float(getattr(thresholds, "keep_hours", _USUAL_HOURS)))


def muted(findings: Iterable[TrackedFinding]) -> frozenset[Place]:
    """Return which differences an operator has muted, which is to accept them."""
    return frozenset(
        (tracked.finding.database, str(tracked.finding.object))
        for tracked in findings
        if tracked.state == "muted" and tracked.finding.check == CHECK
    )
