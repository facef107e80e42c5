"""Plans upkeep for one target and has it carried out, as far as that is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import structlog

from monitor.errors import ActionFailed, TargetError
from monitor.maintenance.planner import Agenda, Choices, agenda
from monitor.model.action import JournalEntry, Refusal
from monitor.model.finding import Finding
from monitor.model.target import Target
from monitor.model.view import View
from monitor.postgres.acting import ActionExecutor
from monitor.runtime.clock import Clock

log = structlog.get_logger()

EVERY = timedelta(seconds=60)
LATER = timedelta(seconds=10)
"""How soon to look again before the first view is there."""


class Caretaker:
    """Once a minute: plans from the last view, proposes, and runs what is due.

    `look` gives the view and its findings, None while the target is down. The
    plan is pure; everything that changes a server is the executor's.
    """

    def __init__(
        self,
        target: Target,
        executor: ActionExecutor,
        choices: Choices,
        *,
        look: Callable[[], tuple[View, tuple[Finding, ...]] | None],
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self.choices = choices
        self.entries: tuple[JournalEntry, ...] = ()
        self.refusals: tuple[Refusal, ...] = ()
        self.error = ""
        self._target = target
        self._executor = executor
        self._look = look
        self._clock = clock
        self._changed = changed
        self._acting = asyncio.Lock()
        self._is_reconciled = False

    @property
    def is_acting(self) -> bool:
        """Say whether the acting connection is in use, or given to somebody else."""
        return self._acting.locked()

    @asynccontextmanager
    async def stepping_aside(self) -> AsyncGenerator[None]:
        """Give the place of the acting connection to somebody else for a while.

        The lead goes with it and is taken again at the next round. Nobody acts
        meanwhile.
        """
        async with self._acting:
            await self._executor.close()
            yield

    async def run(self) -> None:
        """Take care until cancelled."""
        try:
            while True:
                seen = self._look()
                if seen is not None:
                    await self._take_care(*seen)
                pause = EVERY if seen is not None else LATER
                await self._clock.sleep(pause.total_seconds())
        finally:
            await self._executor.close()

    async def _take_care(self, view: View, findings: tuple[Finding, ...]) -> None:
        async with self._acting:
            try:
                await self._round(view, findings)
            except (TargetError, ActionFailed) as error:
                if not self.error:
                    log.warning(
                        "upkeep_failed",
                        target=self._target.name,
                        error=error.message,
                        detail=error.detail,
                    )
                self.error = error.message
            else:
                self.error = ""
        self._changed()

    async def _round(self, view: View, findings: tuple[Finding, ...]) -> None:
        executor = self._executor
        if not self._is_reconciled:
            await executor.reconcile()
            self._is_reconciled = True
        history = await executor.history()
        plan: Agenda = await asyncio.to_thread(
            partial(agenda, view, findings, self.choices, history)
        )
        refusals = list(plan.refusals)
        for proposal in plan.proposals:
            outcome = await executor.propose(proposal.action, proposal.mode)
            if isinstance(outcome, Refusal):
                refusals.append(outcome)
        moved = await executor.run_due(self._clock.now())
        for entry in moved:
            log.info(
                "action_moved",
                target=self._target.name,
                action=entry.id,
                kind=entry.action.kind,
                state=entry.state.value,
                detail=entry.detail,
            )
        self.refusals = tuple(refusals)
        self.entries = await executor.history()

    async def approve(self, action_id: int, by: str) -> JournalEntry:
        """Let an action that awaits approval run; errors as the executor's."""
        async with self._acting:
            entry = await self._executor.approve(action_id, by)
            self.entries = await self._executor.history()
        return entry

    async def reject(self, action_id: int, by: str) -> JournalEntry:
        """Close an action that awaits approval; errors as the executor's."""
        async with self._acting:
            entry = await self._executor.reject(action_id, by)
            self.entries = await self._executor.history()
        return entry

    async def undo(self, action_id: int, by: str) -> JournalEntry:
        """Run a finished action's way back; errors as the executor's."""
        async with self._acting:
            entry = await self._executor.undo(action_id, by)
            self.entries = await self._executor.history()
        return entry
