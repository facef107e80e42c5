"""A change to a server: proposed as a value, executed in one place, undoable."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import LiteralString

from monitor.model.finding import Evidence


class ActionMode(StrEnum):
    """What the daemon may do with actions of a kind; dry_run is the default."""

    OFF = "off"
    DRY_RUN = "dry_run"
    APPROVE = "approve"
    AUTO = "auto"


class ActionState(StrEnum):
    """The journal's states, in order; the last line holds the final ones."""

    PROPOSED = "proposed"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    PRECHECK = "precheck"
    EXECUTING = "executing"
    VERIFYING = "verifying"
    HALF_DONE = "half_done"
    REPAIRING = "repairing"
    REPORTED = "reported"
    DONE = "done"
    FAILED_CLEAN = "failed_clean"
    NEEDS_HUMAN = "needs_human"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNDONE = "undone"

    @property
    def is_final(self) -> bool:
        """Say whether nothing follows without an operator."""
        return self in _FINAL


_FINAL = frozenset(
    {
        ActionState.REPORTED,
        ActionState.DONE,
        ActionState.FAILED_CLEAN,
        ActionState.NEEDS_HUMAN,
        ActionState.EXPIRED,
        ActionState.REJECTED,
        ActionState.UNDONE,
    }
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as a value: a literal template, identifiers and literals in it.

    Only `postgres/executor.py` renders it; `{}` takes the identifiers in order,
    each a path such as ("public", "orders"), and after them `literals`, each quoted
    as a string. `stored` is a definition that the server gave us (`pg_get_indexdef`),
    for undo; then `template` is empty.
    """

    template: LiteralString = ""
    identifiers: tuple[tuple[str, ...], ...] = ()
    literals: tuple[str, ...] = ()
    stored: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One change to one object, with what it rests on and its way back.

    `kind` is the module's name in `monitor/maintenance`. `definition` is what
    the object looked like when the action was planned; the executor compares it
    and the oid again before it acts. `lock` names the strongest lock taken.
    """

    kind: str
    target: str
    database: str
    schema: str
    name: str
    oid: int
    statement: Statement
    undo: Statement | None
    lock: str
    reason: str
    definition: str = ""
    size_bytes: int | None = None
    owner: str = ""
    evidence: tuple[Evidence, ...] = ()
    finding_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an action is not taken now: a stable rule name and a sentence."""

    kind: str
    target: str
    database: str
    schema: str
    name: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A row of `monitoring.actions`: an action and how far it got."""

    id: int
    action: Action
    mode: ActionMode
    state: ActionState
    created_at: datetime
    updated_at: datetime
    actor: str
    sql: str
    undo_sql: str = ""
    detail: str = ""
    epoch: str = ""
    verified: dict[str, str] = field(default_factory=dict[str, str])
