"""What may be done with planned actions, and when: modes, window, rates, cooldown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from fnmatch import fnmatchcase

from cronsim import CronSim

from monitor.model.action import (
    Action,
    ActionMode,
    ActionState,
    JournalEntry,
    Refusal,
)
from monitor.model.units import duration, plural

_RUNNING = frozenset(
    {
        ActionState.PRECHECK,
        ActionState.EXECUTING,
        ActionState.VERIFYING,
        ActionState.HALF_DONE,
        ActionState.REPAIRING,
    }
)
_FAILED = frozenset({ActionState.FAILED_CLEAN, ActionState.NEEDS_HUMAN})
_ACTED = frozenset({ActionState.DONE, ActionState.UNDONE}) | _RUNNING | _FAILED

DROPS_NEEDED_TWICE = "drop_index"
"""Automatic dropping takes two settings that say so."""

_NEVER_ALONE = "drop_partition"
"""There is no way back from it, so a person says yes each time."""

_OURS_ALONE = "drop_invalid_index"
"""Automatic only for leftovers that the journal says are ours."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an operator allows. Nothing is automatic unless told.

    `schedule` (crontab) and `duration` are the window in which automatic actions
    start; an approved one starts at once. `max_actions` counts per day and target.
    `cooldown` follows a failure and doubles with each further one in a day.
    """

    mode: ActionMode = ActionMode.DRY_RUN
    modes: Mapping[str, ActionMode] = field(default_factory=dict[str, ActionMode])
    confirm_drop_index: bool = False
    schedule: str = "0 2 * * *"
    zone: tzinfo = UTC
    duration: timedelta = timedelta(hours=2)
    max_actions: int = 10
    cooldown: timedelta = timedelta(hours=1)
    schemas: tuple[str, ...] = ("*",)

    def mode_of(self, kind: str) -> ActionMode:
        """Return what may be done with actions of a kind."""
        return self.modes.get(kind, self.mode)


@dataclass(frozen=True, slots=True)
class Permission:
    """The mode in which an action may be proposed."""

    mode: ActionMode


def permit(
    action: Action, policy: Policy, history: Sequence[JournalEntry]
) -> Permission | Refusal:
    """Return the mode for a planned action, or why it is not even proposed.

    `history` are the journal's entries of this target.
    """
    mode = policy.mode_of(action.kind)
    if mode is ActionMode.OFF:
        return refusal(action, "off", "The mode of this kind is off.")
    if not any(fnmatchcase(action.schema, pattern) for pattern in policy.schemas):
        return refusal(action, "schema", "Its schema is not among those allowed.")
    if dropped := _dropped_beside(action, history):
        return refusal(
            action,
            "dropped_beside",
            f'Index "{dropped}" of the same table was dropped within the window: '
            "its work may have moved here.",
        )
    if mode is not ActionMode.AUTO:
        return Permission(mode)
    return Permission(_capped(action, policy, history))


def gate(
    policy: Policy, *, is_paused: Callable[[], bool]
) -> Callable[[JournalEntry, Sequence[JournalEntry], datetime], Refusal | None]:
    """Return the question that the executor asks right before it acts."""

    def may_run(
        entry: JournalEntry, history: Sequence[JournalEntry], now: datetime
    ) -> Refusal | None:
        for rule, reason in _objections(entry, policy, history, now, is_paused()):
            return refusal(entry.action, rule, reason)
        return None

    return may_run


def is_in_window(policy: Policy, now: datetime) -> bool:
    """Say whether the maintenance window is open."""
    start = now.astimezone(policy.zone) - policy.duration
    # The next firing after `start` opened the window that is open now, if any.
    return next(iter(CronSim(policy.schedule, start))) <= now


def refusal(action: Action, rule: str, reason: str) -> Refusal:
    """Return why an action is not taken."""
    return Refusal(
        kind=action.kind,
        target=action.target,
        database=action.database,
        schema=action.schema,
        name=action.name,
        rule=rule,
        reason=reason,
    )


def _objections(
    entry: JournalEntry,
    policy: Policy,
    history: Sequence[JournalEntry],
    now: datetime,
    is_paused: bool,  # noqa: FBT001 - read once by the caller
) -> Iterator[tuple[str, str]]:
    others = [each for each in history if each.id != entry.id]
    if is_paused:
        yield "paused", "Every action is paused."
    if policy.mode_of(entry.action.kind) in (ActionMode.OFF, ActionMode.DRY_RUN):
        yield "off", "The mode of this kind does not allow it any more."
    if entry.mode is ActionMode.AUTO and not is_in_window(policy, now):
        yield "window", "The maintenance window is closed."
    if any(each.state in _RUNNING for each in others):
        yield "concurrent", "Another action is not finished."
    recent = [e for e in others if e.state in _ACTED and now - e.updated_at < _DAY]
    if len(recent) >= policy.max_actions:
        yield "daily_limit", f"{plural(len(recent), 'action')} within a day are enough."
    if (rest := _rest(recent, policy, now)) > timedelta(0):
        yield "cooldown", f"After a failure it waits {duration(rest.total_seconds())}."


def _rest(recent: Sequence[JournalEntry], policy: Policy, now: datetime) -> timedelta:
    failures = [each.updated_at for each in recent if each.state in _FAILED]
    if not failures:
        return timedelta(0)
    # At most a day: older failures are forgotten anyway.
    pause = min(policy.cooldown * 2 ** min(len(failures) - 1, 10), _DAY)
    return max(failures) + pause - now


def _capped(
    action: Action, policy: Policy, history: Sequence[JournalEntry]
) -> ActionMode:
    """Return the mode for what was meant to be automatic; some kinds need more."""
    if action.kind == DROPS_NEEDED_TWICE and not policy.confirm_drop_index:
        return ActionMode.APPROVE
    if action.kind == _NEVER_ALONE:
        return ActionMode.APPROVE
    if action.kind == _OURS_ALONE and not _is_ours(action, history):
        return ActionMode.APPROVE
    return ActionMode.AUTO


def _is_ours(action: Action, history: Sequence[JournalEntry]) -> bool:
    return any(
        entry.action.database == action.database
        and entry.verified.get("index oid") == str(action.oid)
        for entry in history
    )


def _dropped_beside(action: Action, history: Sequence[JournalEntry]) -> str:
    """Return the name of an index dropped from the same table while we watched.

    What used that one may use this one from now on, and the window has not seen it.
    """
    # Where another index takes over, that one is looked at again before dropping.
    if action.kind != DROPS_NEEDED_TWICE or _fact(action, "covering index oid"):
        return ""
    table = _fact(action, "table oid")
    for entry in history:
        dropped = entry.action
        if entry.state not in _ACTED or dropped.kind != DROPS_NEEDED_TWICE:
            continue
        if entry.state in (ActionState.FAILED_CLEAN, ActionState.UNDONE):
            continue
        is_beside = dropped.database == action.database and dropped.oid != action.oid
        if is_beside and table and _fact(dropped, "table oid") == table:
            return dropped.name
    return ""


def _fact(action: Action, name: str) -> str:
    found = (str(each.value) for each in action.evidence if each.name == name)
    return next(found, "")
