"""An executor that only says what it would do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from monitor.errors import ActionFailed
from monitor.model.action import (
    Action,
    ActionMode,
    ActionState,
    JournalEntry,
    Refusal,
)
from monitor.postgres import render

_KEPT = 1000


class DryRunExecutor:
    """Keeps proposals in memory as reported, with their SQL; an `ActionExecutor`.

    It has no connection, so it cannot change anything: what is used where there is
    no journal. The newest thousand are kept.
    """

    problem = "Dry run: there is no journal, so nothing is done."

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._entries: deque[JournalEntry] = deque(maxlen=_KEPT)
        self._last = 0

    async def propose(self, action: Action, mode: ActionMode) -> JournalEntry | Refusal:
        """Report an action, or return the report that already stands for it."""
        text = render.text(action.statement)
        for entry in self._entries:
            known = (entry.action.kind, entry.action.database, entry.sql)
            if known == (action.kind, action.database, text):
                return entry
        self._last += 1
        entry = JournalEntry(
            id=self._last,
            action=action,
            mode=ActionMode.DRY_RUN,
            state=ActionState.REPORTED,
            created_at=self._now(),
            updated_at=self._now(),
            actor="policy",
            sql=text,
            undo_sql=render.text(action.undo),
            detail="" if mode is ActionMode.DRY_RUN else self.problem,
        )
        self._entries.append(entry)
        return entry

    async def approve(self, action_id: int, by: str) -> JournalEntry:
        """Refuse: nothing awaits approval."""
        raise self._cannot(action_id, by)

    async def reject(self, action_id: int, by: str) -> JournalEntry:
        """Refuse: nothing awaits approval."""
        raise self._cannot(action_id, by)

    async def undo(self, action_id: int, by: str) -> JournalEntry:
        """Refuse: nothing was done."""
        raise self._cannot(action_id, by)

    async def run_due(self, now: datetime) -> tuple[JournalEntry, ...]:
        """Run nothing."""
        del now
        return ()

    async def reconcile(self) -> tuple[JournalEntry, ...]:
        """Settle nothing: nothing was begun."""
        return ()

    async def history(self) -> tuple[JournalEntry, ...]:
        """Return what was reported, the newest first."""
        return tuple(reversed(self._entries))

    async def close(self) -> None:
        """Close nothing."""

    def _cannot(self, action_id: int, by: str) -> Exception:
        del by
        if any(entry.id == action_id for entry in self._entries):
            return ActionFailed(f"action {action_id} was only reported")
        return LookupError(f"no action {action_id}")
