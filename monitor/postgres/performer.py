"""Takes one journaled action through its states, from precheck to verified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from monitor.errors import ActionFailed, TargetError
from monitor.model.action import Action, ActionState, JournalEntry
from monitor.postgres import precheck, render, wayback
from monitor.postgres.act_sessions import ActSessions
from monitor.postgres.acting import ActingOptions
from monitor.postgres.attempt import attempt
from monitor.postgres.journal import Journal
from monitor.postgres.leader import holds
from monitor.postgres.precheck import CREATION, Clearance
from monitor.postgres.session import Session
from monitor.postgres.settle import (
    UNDO,
    Settler,
    effect_of,
    is_still_running,
    number,
)

_INTERRUPTED = (
    ActionState.EXECUTING,
    ActionState.VERIFYING,
    ActionState.HALF_DONE,
    ActionState.REPAIRING,
)
_MOST_PAUSE_SECONDS = 3600.0


class Performer:
    """Performs actions through the sessions of the process that leads."""

    def __init__(
        self,
        sessions: ActSessions,
        options: ActingOptions,
        monotonic: Callable[[], float],
    ) -> None:
        self._sessions = sessions
        self._options = options
        self._monotonic = monotonic
        self._retry_at: dict[int, float] = {}

    async def settle_all(self, journal: Journal) -> list[JournalEntry]:
        """Settle every action that was begun and is not over.

        Raises:
            TargetError: a connection is lost; what is left stays as it is.
        """
        settler = Settler(journal, self._options)
        # Of what was only looked at nothing was begun: it just waits again.
        moved = [
            await settler.move(entry, ActionState.APPROVED)
            for entry in await journal.in_states([ActionState.PRECHECK])
        ]
        for entry in await journal.in_states(_INTERRUPTED):
            if self._monotonic() < self._retry_at.get(entry.id, 0.0):
                continue
            settled = await self._resume(settler, entry)
            moved += [settled] if settled else []
        return moved

    async def run(
        self, journal: Journal, entry: JournalEntry, action: Action
    ) -> JournalEntry | None:
        """Run an approved action; None if somebody else took it.

        It waits on when something is in the way, and expires when its object is
        not what it was.

        Raises:
            TargetError: a connection is lost; `settle_all` finds out what happened.
        """
        if entry.epoch != self._sessions.epoch:
            reason = "Another server has taken over since it was planned."
            return await journal.move(entry, ActionState.EXPIRED, detail=reason)
        checked = await journal.move(entry, ActionState.PRECHECK)
        if checked is None:
            return None
        settler = Settler(journal, self._options)
        async with self._sessions.acting(action.kind, action.database) as session:
            found = await precheck.clear(session, action, self._options)
            if not found.objections:
                statement = render.render(action.statement)
                return await self._execute(settler, checked, session, found, statement)
        is_final = any(each.is_final for each in found.objections)
        state = ActionState.EXPIRED if is_final else ActionState.APPROVED
        reason = " ".join(each.reason for each in found.objections)
        return await settler.move(checked, state, detail=reason)

    async def undo(
        self, journal: Journal, entry: JournalEntry, by: str
    ) -> JournalEntry:
        """Run a finished action's way back.

        Raises:
            ActionFailed: there is none, or something is in the way.
            TargetError: a connection is lost; `settle_all` finds out what happened.
        """
        kind, database = entry.action.kind, entry.action.database
        async with self._sessions.acting(kind, database) as session:
            way = await wayback.plan(session, entry)
            found = await precheck.clear(session, way, self._options)
            if found.objections:
                reasons = " ".join(each.reason for each in found.objections)
                raise ActionFailed(f"cannot undo action {entry.id}", detail=reasons)
            noted = {**entry.verified, UNDO: "begun", "undone by": by}
            begun = replace(entry, verified=noted)
            settler = Settler(journal, self._options)
            statement = render.render(way.statement)
            return await self._execute(settler, begun, session, found, statement)

    async def _execute(
        self,
        settler: Settler,
        entry: JournalEntry,
        session: Session,
        found: Clearance,
        statement: render.Rendered,
    ) -> JournalEntry:
        noted = {**entry.verified, **_circumstances(session, found)}
        effect = effect_of(replace(entry, verified=noted), self._options)
        noted |= await effect.before(session)
        noted["not known"] = await precheck.unknowns(session)
        if not await holds(self._sessions.control):
            raise TargetError("the lead was lost before the statement")
        entry = await settler.move(entry, ActionState.EXECUTING, verified=noted)
        said = await attempt(
            session,
            statement,
            owner=found.owner,
            lock_timeout=self._lock_timeout(found),
            statement_timeout=self._options.statement_timeout,
        )
        entry = await settler.move(entry, ActionState.VERIFYING, detail=said)
        return self._note(await settler.settle(entry, session, said))

    def _lock_timeout(self, found: Clearance) -> timedelta:
        is_build = found.kind in CREATION
        options = self._options
        return options.build_lock_timeout if is_build else options.lock_timeout

    async def _resume(
        self, settler: Settler, entry: JournalEntry
    ) -> JournalEntry | None:
        action = entry.action
        async with self._sessions.acting(action.kind, action.database) as session:
            if await is_still_running(session, entry):
                return None
            began = entry.state is ActionState.EXECUTING
            said = "It was interrupted." if began else entry.detail
            return self._note(await settler.settle(entry, session, said))

    def _note(self, entry: JournalEntry) -> JournalEntry:
        """Remember when to try again what could not be finished, later each time."""
        self._retry_at.pop(entry.id, None)
        if entry.state is ActionState.HALF_DONE:
            pause = self._options.repair_pause.total_seconds()
            wait = min(pause * 2 ** number(entry, "repairs"), _MOST_PAUSE_SECONDS)
            self._retry_at[entry.id] = self._monotonic() + wait
        return entry


def _circumstances(session: Session, found: Clearance) -> dict[str, str]:
    """Return what a restart must know, and what nobody could see."""
    name = session.connection.info.parameter_status("application_name")
    return {
        "relation oid": str(found.relid),
        "backend pid": str(session.backend_pid),
        "application": name or "",
        "comment": found.comment,
        "repairs": "0",
    }
