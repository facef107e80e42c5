"""The published view: what HTTP, exporters and CLI are given, never changed.

The runtime builds a new `State` after each cycle and swaps it in one assignment;
a reader keeps the one it got. Nothing here leads back to a database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from monitor.model.action import JournalEntry, Refusal
from monitor.model.alert import Alert
from monitor.model.finding import Severity, TrackedFinding
from monitor.model.rls_report import RlsReport
from monitor.model.server import Server
from monitor.model.silence import Silence
from monitor.model.target import Target
from monitor.model.view import View


class Exposition(Protocol):
    """Rendered metrics, ready to be written to any number of scrapers."""

    @property
    def series(self) -> int:
        """Return how many series it holds."""
        ...

    def body(self, *, openmetrics: bool, compressed: bool) -> bytes:
        """Return the whole response body; `compressed` means one gzip member."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorStatus:
    """How one collector fares in one database (empty for the whole server).

    `skipped` is why it is not run here at all (role, version, capability);
    `error` is what went wrong last time. Empty means neither.
    """

    name: str
    datname: str
    interval: timedelta
    last_success: datetime | None = None
    duration: timedelta | None = None
    rows: int = 0
    runs_total: int = 0
    errors_total: int = 0
    timeouts_total: int = 0
    error: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveThreshold:
    """A threshold in force and where it came from.

    `origin` is `default`, `settings`, `target` or `performance_thresholds`.
    `value` is in the check's `unit`.
    """

    check: str
    level: Severity
    value: float
    unit: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCost:
    """What watching costs the server: our role's entries in pg_stat_statements.

    `stretch` is the governor's factor on all intervals, 1 within the budget.
    """

    exec_seconds_total: float = 0.0
    calls_total: int = 0
    blocks_total: int = 0
    temp_blocks_total: int = 0
    stretch: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """Everything known about one target at one moment.

    `up` is what `pg_up` shows: the last attempt reached the server and could
    run a statement. `view` is None until the first cycle succeeded.
    """

    target: Target
    up: bool
    error: str = ""
    up_since: datetime | None = None
    last_cycle: datetime | None = None
    cycle_duration: timedelta | None = None
    server: Server | None = None
    view: View | None = None
    collectors: tuple[CollectorStatus, ...] = ()
    findings: tuple[TrackedFinding, ...] = ()
    alerts: tuple[Alert, ...] = ()
    actions: tuple[JournalEntry, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    thresholds: tuple[EffectiveThreshold, ...] = ()
    rls: RlsReport = field(default_factory=RlsReport)
    connections_used: int = 0
    connects_total: int = 0
    connect_errors: Mapping[str, int] = field(default_factory=dict[str, int])
    own_cost: OwnCost = field(default_factory=OwnCost)
    dropped_series: Mapping[str, int] = field(default_factory=dict[str, int])
    exposition: Exposition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierStatus:
    """How delivery to one receiver fares; `silences` are those made there."""

    name: str
    receiver: str
    queued: int = 0
    sent_total: int = 0
    failed_total: int = 0
    dropped_total: int = 0
    last_success: datetime | None = None
    error: str = ""
    clock_offset: timedelta | None = None
    silences: tuple[Silence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The daemon at one moment. `config_error` is empty while settings are good.

    `has_finished_first_cycle` is what `/readyz` asks: whatever its outcome, each
    target has been tried once. `heartbeat` is when the scheduler last turned.
    """

    generation: int
    version: str
    instance: str
    started_at: datetime
    at: datetime
    heartbeat: datetime
    has_finished_first_cycle: bool
    targets: tuple[TargetState, ...] = ()
    alerts: tuple[Alert, ...] = ()
    notifiers: tuple[NotifierStatus, ...] = ()
    config_loaded_at: datetime | None = None
    config_error: str = ""
    state_error: str = ""
    is_paused: bool = False
    exposition: Exposition | None = None

    def target(self, name: str) -> TargetState | None:
        """Return one target by its configured name."""
        return next((t for t in self.targets if t.target.name == name), None)


class StateSource(Protocol):
    """Where readers get the current state; never blocks, never queries."""

    def current(self) -> State:
        """Return the last published state."""
        ...


class Operator(Protocol):
    """What an authorised operator may ask of a running daemon.

    Each raises `LookupError` for an unknown id and `monitor.errors.ActionFailed`
    or `monitor.errors.ConfigError` with a sentence when it cannot be done.
    """

    async def approve(self, target: str, action_id: int, by: str) -> JournalEntry:
        """Let an action that awaits approval run in its next quiet moment."""
        ...

    async def reject(self, target: str, action_id: int, by: str) -> JournalEntry:
        """Close an action that awaits approval."""
        ...

    async def undo(self, target: str, action_id: int, by: str) -> JournalEntry:
        """Run the stored way back of a finished action."""
        ...

    async def mute(
        self, finding_id: str, *, reason: str, until: datetime, by: str
    ) -> TrackedFinding:
        """Keep a finding from alerting until a moment."""
        ...

    async def reload(self) -> None:
        """Read the configuration again; an invalid one changes nothing."""
        ...

    async def pause(self, *, paused: bool) -> None:
        """Stop or allow every action on every target (the kill switch)."""
        ...
