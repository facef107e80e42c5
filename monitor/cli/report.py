"""What one cycle of watching found, as one document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monitor.model.finding import Severity, urgency
from monitor.model.server import Server
from monitor.model.shape import finding_as_dict, plain_fields
from monitor.model.state import State, TargetState


def findings_of(state: State) -> list[dict[str, Any]]:
    """Return all findings that are not over, the most urgent first."""
    found = [
        tracked
        for target in state.targets
        for tracked in target.findings
        if tracked.state != "resolved"
    ]
    found.sort(key=lambda tracked: urgency(tracked.finding))
    return [finding_as_dict(tracked) for tracked in found]


def document(state: State) -> dict[str, Any]:
    """Return servers, findings and the number of series.

    `server` is the only target's; null when there are several.
    """
    targets = [_target(target) for target in state.targets]
    return {
        "server": targets[0]["server"] if len(targets) == 1 else None,
        "targets": targets,
        "findings": findings_of(state),
        "metrics": {"series": state.exposition.series if state.exposition else 0},
    }


def _target(target: TargetState) -> dict[str, Any]:
    return {
        "name": target.target.name,
        "up": target.up,
        "error": target.error,
        "server": _server(target.server) if target.server else None,
        "series": target.exposition.series if target.exposition else 0,
        "collectors": [
            {
                "name": one.name,
                "database": one.datname,
                "error": one.error,
                "skipped": one.skipped,
            }
            for one in target.collectors
            if one.error or one.skipped
        ],
    }


def _server(server: Server) -> dict[str, Any]:
    return {
        "version": server.version,
        "version_num": server.version_num,
        "role": "standby" if server.is_standby else "primary",
        "provider": server.provider,
        "login_role": server.role,
        "databases": list(server.databases),
        "missing": [plain_fields(c) for c in server.capabilities if not c.available],
    }


def count(findings: Iterable[dict[str, Any]]) -> dict[Severity, int]:
    """Return how many findings there are of each severity."""
    counts = dict.fromkeys(Severity, 0)
    for finding in findings:
        counts[Severity(finding["severity"])] += 1
    return counts
