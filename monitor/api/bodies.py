"""Rows of the API as pydantic models, for OpenAPI.

The shapes are made by `monitor.model.shape`; these describe them, and a test holds
every answer against them. Entries of `monitor.model.listing` describe themselves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.model.listing.readiness import ReadinessItem, Verdict

Severity = Literal["critical", "warning", "info"]


class Body(BaseModel):
    """Base of all bodies: nothing unknown, and no value in an error."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Error(BaseModel):
    """Why a request was not served; more fields may say where."""

    model_config = ConfigDict(extra="allow")

    error: str
    detail: str = ""
    hint: str = ""


class Object(Body):
    """What a finding is about, in the catalog's words."""

    type: str
    schema_: str = Field(alias="schema")
    name: str


class EvidenceFigure(Body):
    """One figure; `window_seconds` is null for a momentary value."""

    name: str
    value: float | int | str | None
    unit: str
    window_seconds: float | None


class RemedyText(Body):
    """What to type, how to take it back, what it locks, what may go wrong."""

    sql: str
    undo: str
    lock: str
    risk: str


class Finding(Body):
    """One conclusion about one object."""

    id: str = Field(description="Stable: check and object, never values.")
    check: str
    kind: Literal["check", "lint", "advice"]
    severity: Severity
    target: str
    database: str
    object: Object
    title: str
    summary: str
    evidence: list[EvidenceFigure]
    unknowns: list[str] = Field(description="What could not be seen.")
    confidence: Literal["high", "medium", "low"]
    remedy: RemedyText | None
    first_seen: datetime
    last_seen: datetime
    state: Literal["open", "muted", "resolved"]
    mute: MuteText | None
    silences: list[SilenceText] = Field(description="Made in Alertmanager.")


class MuteText(Body):
    """Who muted a finding, why and until when."""

    reason: str
    until: datetime
    by: str


class SilenceText(Body):
    """A silence of Alertmanager's that covers a finding's alert."""

    id: str
    until: datetime
    by: str
    comment: str


class Alert(Body):
    """One alert as it was or will be sent."""

    fingerprint: str
    name: str
    severity: Severity
    state: Literal["pending", "firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    active_since: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    target: str
    check: str
    database: str


class Action(Body):
    """A row of the journal."""

    id: int
    kind: str
    target: str
    database: str
    schema_: str = Field(alias="schema")
    name: str
    mode: Literal["off", "dry_run", "approve", "auto"]
    state: str
    is_final: bool
    sql: str
    undo: str
    lock: str
    reason: str
    evidence: list[EvidenceFigure]
    finding_id: str
    size_bytes: int | None
    actor: str
    detail: str
    verified: dict[str, str]
    created_at: datetime
    updated_at: datetime


class Refusal(Body):
    """An action that is not taken now, and the rule that says so."""

    kind: str
    target: str
    database: str
    schema_: str = Field(alias="schema")
    name: str
    rule: str
    reason: str


class Maintenance(Body):
    """What is planned on one target and what was refused."""

    target: str
    is_paused: bool
    actions: list[Action]
    refusals: list[Refusal]


class Threshold(Body):
    """A threshold in force, in its check's unit."""

    target: str
    check: str
    level: Severity
    severity: Severity
    value: float
    unit: str
    origin: Literal["default", "settings", "target", "performance_thresholds"]


class Counts(Body):
    """Open findings by severity."""

    critical: int
    warning: int
    info: int


class TargetLine(Body):
    """One target in short."""

    name: str
    up: bool
    error: str
    role: Literal["primary", "standby"] | None
    version: str | None
    last_cycle: datetime | None
    findings: Counts


class Notifier(Body):
    """How delivery to one receiver fares."""

    name: str
    receiver: str
    queued: int
    sent_total: int
    failed_total: int
    dropped_total: int
    last_success: datetime | None
    error: str
    clock_offset_seconds: float | None
    silences: list[SilenceText]


class Status(Body):
    """The daemon at one moment."""

    version: str
    instance: str
    started_at: datetime
    at: datetime
    generation: int
    is_paused: bool
    has_finished_first_cycle: bool
    config_loaded_at: datetime | None
    config_error: str
    state_error: str
    findings: Counts
    targets: list[TargetLine]
    notifiers: list[Notifier]


class Readiness(Body):
    """Is this ready for production; the worst item decides."""

    overall: Verdict
    readiness: list[ReadinessItem]
