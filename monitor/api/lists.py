"""The lists that `/api/v1` serves, each with its filters and its single objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from monitor.api import bodies
from monitor.logs import redact
from monitor.model import shape
from monitor.model.alert import AlertState
from monitor.model.finding import TrackedFinding, urgency
from monitor.model.listing import indexes, locks, rls, statements, tables
from monitor.model.listing.targets import TargetEntry, target_entry
from monitor.model.shape import Shape
from monitor.model.silence import Silence
from monitor.model.state import State, TargetState
from monitor.model.view import View

_HUNDRED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a list is made from; `has_texts` lets statement texts be seen."""

    state: State
    target: str | None
    has_texts: bool

    @property
    def targets(self) -> Iterator[TargetState]:
        """Yield the targets that are asked for."""
        for found in self.state.targets:
            if self.target in (None, found.target.name):
                yield found

    @property
    def views(self) -> Iterator[View]:
        """Yield what has been read of them."""
        return (found.view for found in self.targets if found.view is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list: `{"name": […]}` at `/api/v1/name`, `{"one": …}` below it by id.

    `row` describes a row for OpenAPI. `key` is the field that identifies a row;
    where several rows share it (`is_unique` False) the object's URL gives a list as
    well. Without a key there are no single objects.
    """

    name: str
    one: str
    summary: str
    rows: Callable[[Asked], Iterable[object]]
    row: type[Any]
    filters: tuple[str, ...] = ("target",)
    orders: tuple[str, ...] = ()
    limit: int = _HUNDRED
    key: str = ""
    is_unique: bool = True


Ranked = statements.Statement | tables.Table | indexes.ListedIndex
"""Rows that are ranked first and made when shown: there may be very many."""


def _targets(asked: Asked) -> Iterator[Shape]:
    for found in asked.targets:
        entry = target_entry(found, asked.state.at)
        collectors = [replace(c, error=redact(c.error)) for c in entry.collectors]
        shown = replace(entry, error=redact(entry.error), collectors=tuple(collectors))
        yield {"target": found.target.name, **shape.plain_fields(shown)}


def by_urgency(found: Iterable[TrackedFinding]) -> list[TrackedFinding]:
    """Return open findings before muted and resolved ones, the most urgent first."""
    states = ("open", "muted", "resolved")
    return sorted(
        found,
        key=lambda t: (
            states.index(t.state),
            t.finding.severity.rank,
            -t.first_seen.timestamp(),
            urgency(t.finding),
        ),
    )


def silenced(asked: Asked) -> Mapping[str, tuple[Silence, ...]]:
    """Return the silences of Alertmanager that cover each finding's alert, by id."""
    made = {s.id: s for one in asked.state.notifiers for s in one.silences}.values()
    found: dict[str, tuple[Silence, ...]] = {}
    for target in asked.targets if made else ():
        for alert in target.alerts:
            covering = tuple(s for s in made if s.covers(alert.labels))
            if covering and alert.state is not AlertState.RESOLVED:
                found[alert.fingerprint] = covering
    return found


def _findings(asked: Asked) -> Iterator[Shape]:
    found = chain.from_iterable(target.findings for target in asked.targets)
    covering = silenced(asked)
    for tracked in by_urgency(found):
        yield shape.finding_as_dict(tracked, covering.get(tracked.finding.id, ()))


def _alerts(asked: Asked) -> Iterator[Shape]:
    order = ("firing", "pending", "resolved")
    for alert in asked.state.alerts if asked.target is None else ():
        shown = shape.alert_as_dict(alert)
        yield {**shown, "target": "", "check": "", "database": ""}
    for target in asked.targets:
        for alert in sorted(target.alerts, key=lambda a: order.index(a.state)):
            shown = shape.alert_as_dict(alert)
            yield {
                **shown,
                "target": target.target.name,
                "check": alert.labels.get("check", ""),
                "database": alert.labels.get("datname", ""),
            }


def _actions(asked: Asked) -> list[Shape]:
    found = chain.from_iterable(target.actions for target in asked.targets)
    newest = sorted(found, key=lambda e: (e.state.is_final, -e.updated_at.timestamp()))
    return [shape.action_as_dict(entry) for entry in newest]


def _maintenance(asked: Asked) -> Iterator[Shape]:
    for target in asked.targets:
        entries = [e for e in target.actions if not e.state.is_final]
        yield {
            "target": target.target.name,
            "is_paused": asked.state.is_paused,
            "actions": [shape.action_as_dict(entry) for entry in entries],
            "refusals": [shape.refusal_as_dict(one) for one in target.refusals],
        }


def _thresholds(asked: Asked) -> Iterator[Shape]:
    for target in asked.targets:
        for threshold in target.thresholds:
            shown = shape.threshold_as_dict(threshold, target.target.name)
            shown["severity"] = threshold.level.value
            yield shown


def _statements(asked: Asked) -> Iterable[object]:
    texts = asked.has_texts
    return chain.from_iterable(
        statements.statements(view, has_texts=texts) for view in asked.views
    )


PLACED = ("target", "database")

LISTINGS = (
    Listing(
        name="targets",
        row=TargetEntry,
        one="target",
        summary="Servers that are watched, with capabilities and collectors.",
        rows=_targets,
        limit=10_000,
        key="name",
    ),
    Listing(
        name="findings",
        row=bodies.Finding,
        one="finding",
        summary="What is wrong, with evidence and remedy, the most urgent first.",
        rows=_findings,
        filters=("target", "severity", "check", "database"),
        limit=10_000,
        key="id",
    ),
    Listing(
        name="alerts",
        row=bodies.Alert,
        one="alert",
        summary="Alerts that wait, fire or have just been resolved.",
        rows=_alerts,
        filters=("target", "severity", "check", "database"),
        limit=10_000,
        key="fingerprint",
        is_unique=False,
    ),
    Listing(
        name="statements",
        row=statements.StatementEntry,
        one="statement",
        summary="Statements by their cost in the check interval.",
        rows=_statements,
        filters=PLACED,
        orders=statements.ORDERS,
        key="id",
    ),
    Listing(
        name="tables",
        row=tables.TableEntry,
        one="table",
        summary="Tables with sizes, tuples, scans and upkeep.",
        rows=lambda asked: chain.from_iterable(map(tables.tables, asked.views)),
        filters=PLACED,
        orders=tables.ORDERS,
        key="id",
    ),
    Listing(
        name="indexes",
        row=indexes.IndexEntry,
        one="index",
        summary="Indexes with sizes, scans and our own windows of usage.",
        rows=lambda asked: chain.from_iterable(map(indexes.indexes, asked.views)),
        filters=PLACED,
        orders=indexes.ORDERS,
        key="id",
    ),
    Listing(
        name="rls",
        row=rls.RlsEntry,
        one="table",
        summary="Row level security by table, policy, command and role, with costs.",
        rows=lambda asked: chain.from_iterable(map(rls.rls, asked.targets)),
        filters=PLACED,
        limit=1000,
        key="id",
    ),
    Listing(
        name="locks",
        row=locks.QueueEntry,
        one="queue",
        summary="Who waits for whom, as trees.",
        rows=lambda asked: chain.from_iterable(map(locks.blocking, asked.views)),
        key="id",
    ),
    Listing(
        name="maintenance",
        row=bodies.Maintenance,
        one="target",
        summary="Actions that are planned or refused, per target.",
        rows=_maintenance,
        limit=10_000,
    ),
    Listing(
        name="actions",
        row=bodies.Action,
        one="action",
        summary="The journal of actions, what awaits somebody first.",
        rows=_actions,
        filters=PLACED,
        limit=1000,
        key="id",
    ),
    Listing(
        name="thresholds",
        row=bodies.Threshold,
        one="threshold",
        summary="Thresholds in force, with their origin.",
        rows=_thresholds,
        filters=("target", "severity", "check"),
        limit=10_000,
        key="check",
        is_unique=False,
    ),
)
