"""Is this ready for production: what we can tell, item by item, with the reason.

An item nobody can tell is unknown; that is neither a pass nor a failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from monitor.model.finding import Severity
from monitor.model.server import Server
from monitor.model.state import State, TargetState

Verdict = Literal["pass", "warn", "fail", "unknown"]

_ORDER: tuple[Verdict, ...] = ("fail", "warn", "unknown", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessItem:
    """One item; `target` is empty for what concerns the daemon as a whole."""

    item: str
    target: str
    verdict: Verdict
    detail: str


def readiness(state: State) -> tuple[ReadinessItem, ...]:
    """Return all items, the daemon's first."""
    found = [*_daemon(state)]
    for target in state.targets:
        found += _target(target)
    return tuple(found)


def overall(items: tuple[ReadinessItem, ...]) -> Verdict:
    """Return the worst verdict: a failure first, then what is not certain."""
    verdicts: list[Verdict] = [item.verdict for item in items]
    return min(verdicts or ["unknown"], key=_ORDER.index)


def _daemon(state: State) -> Iterator[ReadinessItem]:
    yield _item(
        "configuration",
        "fail" if state.config_error else "pass",
        state.config_error or "The configuration in force was read without errors.",
    )
    yield _item(
        "state file",
        "warn" if state.state_error else "pass",
        state.state_error or "Windows and mutes survive a restart.",
    )
    failing = [n for n in state.notifiers if n.error]
    if not state.notifiers:
        yield _item("alert delivery", "unknown", "No receiver is configured here.")
    else:
        names = ", ".join(n.name for n in failing)
        yield _item(
            "alert delivery",
            "fail" if len(failing) == len(state.notifiers) else _warn(failing),
            f"Not delivering: {names}." if failing else "Every receiver takes alerts.",
        )


def _target(state: TargetState) -> Iterator[ReadinessItem]:
    name = state.target.name
    yield _item(
        "monitoring",
        "pass" if state.up else "fail",
        "The server answers." if state.up else state.error or "It does not answer.",
        name,
    )
    server = state.server
    missing = [c.name for c in server.capabilities if not c.available] if server else []
    yield _item(
        "capabilities",
        "unknown" if server is None else _warn(missing),
        _missing(server, missing),
        name,
    )
    yield _findings(state)
    yield _rls(state)


def _missing(server: Server | None, missing: list[str]) -> str:
    if server is None:
        return "The server has not been reached yet."
    return f"Missing: {', '.join(missing)}." if missing else "Nothing is missing."


def _findings(state: TargetState) -> ReadinessItem:
    open_ones = [t.finding for t in state.findings if t.state == "open"]
    critical = [f for f in open_ones if f.severity is Severity.CRITICAL]
    warnings = [f for f in open_ones if f.severity is Severity.WARNING]
    verdict: Verdict = "fail" if critical else _warn(warnings)
    if state.view is None:
        verdict = "unknown"
    detail = f"{len(critical)} critical and {len(warnings)} warning findings are open."
    return _item("findings", verdict, detail, state.target.name)


def _rls(state: TargetState) -> ReadinessItem:
    """Judge row level security by the catalog: is it on where policies exist."""
    name = state.target.name
    catalogs = tuple(state.view.catalogs.values()) if state.view else ()
    idle: list[str] = []
    protected = 0
    for catalog in catalogs:
        with_policy = {policy.relid for policy in catalog.policies}
        for oid, relation in catalog.relations.items():
            protected += relation.has_rls
            if oid in with_policy and not relation.has_rls:
                idle.append(f"{relation.schemaname}.{relation.relname}")
    if not catalogs:
        return _item("row level security", "unknown", "No catalog has been read.", name)
    if idle:
        detail = f"Policies without effect on: {', '.join(sorted(idle))}."
        return _item("row level security", "fail", detail, name)
    detail = f"{protected} tables have it switched on; no policy is idle."
    return _item("row level security", "pass", detail, name)


def _warn(problems: object) -> Verdict:
    return "warn" if problems else "pass"


def _item(item: str, verdict: Verdict, detail: str, target: str = "") -> ReadinessItem:
    return ReadinessItem(item=item, target=target, verdict=verdict, detail=detail)
