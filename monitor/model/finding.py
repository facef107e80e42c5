"""What checks, lints and advisors conclude: one shape on every surface."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal


class Severity(StrEnum):
    """critical wakes someone, warning is a ticket, info is context."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Return 0 for the most urgent; for sorting."""
        return list(Severity).index(self)


FindingKind = Literal["check", "lint", "advice"]
Confidence = Literal["high", "medium", "low"]
FindingState = Literal["open", "muted", "resolved"]


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """What a finding is about, in the catalog's words (`table`, `index`, …).

    For the whole server `type` is `server` and the names are empty; for a
    database `type` is `database` and `name` its name. `name` may carry more
    than a relation where that identifies the case (a slot, a role, a pid).
    """

    type: str
    schema: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class Evidence:
    """One figure behind a finding, with its unit and the window it covers.

    `unit` is a word of the glossary (`seconds`, `bytes`, `ratio`, `tuples`, …)
    or empty for plain text. `window` is None for a momentary value.
    """

    name: str
    value: float | int | str
    unit: str = ""
    window: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What to type, how to take it back, what it locks and what may go wrong."""

    sql: str
    undo: str = ""
    lock: str = ""
    risk: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One conclusion about one object, with all it rests on.

    A check leaves `check`, `kind`, `title` and `target` to the runner, which
    knows them. `value` is the figure compared with the thresholds, in the
    check's own unit; hysteresis and `monitoring.samples` use it. `weight` ranks
    lints of one severity by what their table costs: see `urgency`.
    """

    severity: Severity
    object: ObjectRef
    summary: str
    database: str = ""
    evidence: tuple[Evidence, ...] = ()
    unknowns: tuple[str, ...] = ()
    confidence: Confidence = "high"
    remedy: Remedy | None = None
    value: float | None = None
    check: str = ""
    kind: FindingKind = "check"
    title: str = ""
    target: str = ""
    weight: float = 0.0

    @property
    def alert_severity(self) -> Severity:
        """Return how urgently it may alert: a lint or advice wakes nobody."""
        if self.kind != "check" and self.severity is Severity.CRITICAL:
            return Severity.WARNING
        return self.severity

    @property
    def id(self) -> str:
        """Return the stable fingerprint: check and object, never values."""
        parts = (self.check, self.target, self.database, *_parts(self.object))
        joined = "\x1f".join(parts)
        return hashlib.sha256(joined.encode("utf-8", "backslashreplace")).hexdigest()[
            :16
        ]


def urgency(finding: Finding) -> tuple[int, bool, float, str, str, str, str]:
    """Return the key by which findings are listed, the most urgent first.

    Severity decides, then lints come last, the heaviest first; the rest is for a
    stable order.
    """
    return (
        finding.severity.rank,
        finding.kind == "lint",
        -finding.weight,
        finding.check,
        finding.database,
        str(finding.object),
        finding.id,
    )


def _parts(ref: ObjectRef) -> tuple[str, str, str]:
    return ref.type, ref.schema, ref.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """An operator's word that a finding is known; it expires by itself."""

    finding_id: str
    reason: str
    until: datetime
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedFinding:
    """A finding with its life: when first and last seen, and whether muted."""

    finding: Finding
    first_seen: datetime
    last_seen: datetime
    state: FindingState = "open"
    mute: Mute | None = field(default=None)
