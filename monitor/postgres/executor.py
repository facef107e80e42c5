"""The only place that changes anything outside schema `monitoring`.

One action at a time, by one daemon per server, each journaled before it runs, looked
at again right before, bounded while it runs and verified afterwards. Nobody else's
backend is ever cancelled or terminated. What cannot be journaled is not done.

A statement runs only if its action was proposed since the last run: the text in the
journal is for people. So an approval holds as long as the finding behind it does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from monitor.errors import ActionFailed, TargetError
from monitor.model.action import (
    Action,
    ActionMode,
    ActionState,
    JournalEntry,
    Refusal,
)
from monitor.postgres.act_sessions import ActAccess, ActSessions
from monitor.postgres.acting import ActingOptions, Gate
from monitor.postgres.journal import Journal
from monitor.postgres.performer import Performer
from monitor.postgres.precheck import Objection

_STATE_OF = {
    ActionMode.DRY_RUN: ActionState.REPORTED,
    ActionMode.APPROVE: ActionState.AWAITING_APPROVAL,
    ActionMode.AUTO: ActionState.APPROVED,
}
_FRESH_SECONDS = 5.0
_STOPS = (ActionState.FAILED_CLEAN, ActionState.HALF_DONE, ActionState.NEEDS_HUMAN)


class Executor:
    """Executes actions on one server; an `ActionExecutor`."""

    def __init__(
        self,
        access: ActAccess,
        *,
        gate: Gate,
        options: ActingOptions | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options or ActingOptions()
        self._sessions = ActSessions(access, self._options)
        self._performer = Performer(self._sessions, self._options, monotonic)
        self._gate = gate
        self._monotonic = monotonic
        self._planned: dict[int, Action] = {}
        self._history: tuple[JournalEntry, ...] = ()
        self._objection: Objection | None = None
        self._journal: Journal | None = None
        self._led_at = 0.0
        # The leading session serves one caller at a time, and so do actions.
        self._turn = asyncio.Lock()

    @property
    def problem(self) -> str:
        """Return why it did not act when last asked, empty if it does."""
        return self._objection.reason if self._objection else ""

    async def propose(self, action: Action, mode: ActionMode) -> JournalEntry | Refusal:
        """Journal an action, or return the entry that already stands for it."""
        if mode is ActionMode.OFF:
            return _refusal(action, Objection("off", "The mode is off."))
        async with self._turn:
            try:
                journal = self._still_leading() or await self._lead()
                if isinstance(journal, Objection):
                    return _refusal(action, journal)
                entry = await self._entry(journal, action, mode)
            except TargetError as error:
                return _refusal(action, self._lost(error))
        if not entry.state.is_final:
            self._planned[entry.id] = action
        return entry

    async def approve(self, action_id: int, by: str) -> JournalEntry:
        """Let an action that awaits approval run; see `ActionExecutor`."""
        return await self._answer(action_id, ActionState.APPROVED, by)

    async def reject(self, action_id: int, by: str) -> JournalEntry:
        """Close an action that awaits approval; see `ActionExecutor`."""
        return await self._answer(action_id, ActionState.REJECTED, by)

    async def undo(self, action_id: int, by: str) -> JournalEntry:
        """Run a finished action's way back; see `ActionExecutor`."""
        async with self._turn:
            try:
                journal = await self._lead()
                if isinstance(journal, Objection):
                    raise ActionFailed("cannot undo", detail=journal.reason)
                entry = await _known(journal, action_id)
                return await self._performer.undo(journal, entry, by)
            except TargetError as error:
                self._lost(error)
                raise ActionFailed("could not undo", detail=str(error)) from error

    async def run_due(self, now: datetime) -> tuple[JournalEntry, ...]:
        """Settle what was interrupted, then run what is approved, one by one.

        The first failure ends the round. What is not proposed again before the
        next round is not run in it.
        """
        started = self._monotonic()
        moved: list[JournalEntry] = []
        async with self._turn:
            try:
                journal = await self._lead()
                if isinstance(journal, Objection):
                    return ()
                moved += await self._performer.settle_all(journal)
                moved += await journal.expire()
                for entry in await journal.in_states([ActionState.APPROVED]):
                    passed = timedelta(seconds=self._monotonic() - started)
                    done = await self._run(journal, entry, now + passed)
                    moved += [done] if done else []
                    if done and done.state in _STOPS:
                        break
                self._history = await journal.recent()
            except TargetError as error:
                self._lost(error)
            self._planned.clear()
        return tuple(moved)

    async def reconcile(self) -> tuple[JournalEntry, ...]:
        """Settle what an interruption left open; never runs a statement blindly."""
        async with self._turn:
            try:
                journal = await self._lead()
                if isinstance(journal, Objection):
                    return ()
                return tuple(await self._performer.settle_all(journal))
            except TargetError as error:
                self._lost(error)
                return ()

    async def history(self) -> tuple[JournalEntry, ...]:
        """Return the journal's recent entries; what was last read while it acts."""
        if not self._turn.locked():
            async with self._turn:
                try:
                    journal = await self._lead()
                    if isinstance(journal, Journal):
                        self._history = await journal.recent()
                except TargetError as error:
                    self._lost(error)
        return self._history

    async def close(self) -> None:
        """Give up leadership and close every connection; the next use leads anew."""
        self._journal = None
        await self._sessions.close()

    async def _lead(self) -> Journal | Objection:
        found = await self._sessions.lead()
        self._objection = found if isinstance(found, Objection) else None
        self._led_at = self._monotonic()
        self._journal = found if isinstance(found, Journal) else None
        return found

    def _still_leading(self) -> Journal | None:
        """Return the journal if the lead was seen to be ours a moment ago.

        Good enough to propose: before a statement the server is asked again.
        """
        is_fresh = self._monotonic() - self._led_at < _FRESH_SECONDS
        return self._journal if is_fresh and not self._objection else None

    def _lost(self, error: TargetError) -> Objection:
        self._objection = Objection("unreachable", str(error))
        return self._objection

    async def _run(
        self, journal: Journal, entry: JournalEntry, now: datetime
    ) -> JournalEntry | None:
        action = self._planned.get(entry.id)
        if action is None or self._gate(entry, await journal.recent(), now):
            return None
        return await self._performer.run(journal, entry, action)

    async def _entry(
        self, journal: Journal, action: Action, mode: ActionMode
    ) -> JournalEntry:
        standing = await journal.standing(action)
        was_dry = standing is not None and standing.state is ActionState.REPORTED
        if standing is not None and not (was_dry and mode is not ActionMode.DRY_RUN):
            return standing
        return await journal.add(
            action,
            mode,
            _STATE_OF[mode],
            actor="policy",
            epoch=self._sessions.epoch,
            lifetime=self._options.approval_expires,
        )

    async def _answer(self, action_id: int, to: ActionState, by: str) -> JournalEntry:
        try:
            async with self._sessions.spare() as journal:
                entry = await _known(journal, action_id)
                moved = None
                if entry.state is ActionState.AWAITING_APPROVAL:
                    moved = await journal.move(entry, to, actor=by)
        except TargetError as error:
            raise ActionFailed("could not answer", detail=str(error)) from error
        if moved is None:
            raise ActionFailed(f"action {action_id} does not await approval")
        return moved


async def _known(journal: Journal, action_id: int) -> JournalEntry:
    entry = await journal.get(action_id)
    if entry is None:
        raise LookupError(f"no action {action_id}")
    return entry


def _refusal(action: Action, objection: Objection) -> Refusal:
    return Refusal(
        kind=action.kind,
        target=action.target,
        database=action.database,
        schema=action.schema,
        name=action.name,
        rule=objection.rule,
        reason=objection.reason,
    )
