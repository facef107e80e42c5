"""An alert: a finding that has lasted long enough to tell somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.model.finding import Severity


class AlertState(StrEnum):
    """Prometheus's states, plus the resolved one that is still re-sent."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert; its identity is `labels`, which never carry values.

    `fingerprint` is the finding's id. `resolved_at` is set in state resolved.
    """

    fingerprint: str
    name: str
    severity: Severity
    state: AlertState
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    active_since: datetime
    fired_at: datetime | None = None
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An alert that a receiver was told, or is to be; `source` is its target.

    `is_known` says that the receiver has answered for it.
    """

    source: str
    alert: Alert
    is_known: bool = False
