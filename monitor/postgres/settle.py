"""Brings an action that was begun to an end: done, undone, clean, or a person's turn.

The same code judges right after a statement and after a restart: it looks at what is
there, by oid, and never runs the statement again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.errors import TargetError
from monitor.model.action import ActionState, JournalEntry, Statement
from monitor.postgres.acting import ActingOptions, fetch_one
from monitor.postgres.assignment_effects import EXPIRY, Expired
from monitor.postgres.attempt import attempt
from monitor.postgres.effects import (
    Created,
    Effect,
    Facts,
    FoundIndex,
    Judgement,
    Outcome,
    Refreshed,
    Removed,
)
from monitor.postgres.journal import Journal
from monitor.postgres.partition_effects import (
    PARTITIONING,
    Added,
    Placed,
    Whereabouts,
)
from monitor.postgres.precheck import (
    REMOVAL,
    UPKEEP,
    owner_to_become,
)
from monitor.postgres.render import render
from monitor.postgres.session import Session

UNDO = "undo"
"""The key in `verified` that says an action is on its way back."""

_DROP = "drop index concurrently {}"

_PLACES: Mapping[str, tuple[Whereabouts, Whereabouts]] = {
    "create_partition": ("attached", "gone"),
    "detach_partition": ("detached", "attached"),
    "drop_partition": ("gone", "gone"),
}
"""Where a partition is after an action, and after its way back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    running: bool


def is_undoing(entry: JournalEntry) -> bool:
    """Say whether an entry's way back was begun and is not over."""
    return entry.verified.get(UNDO) == "begun"


def effect_of(entry: JournalEntry, options: ActingOptions) -> Effect:
    """Return what the statement that an entry last began is for."""
    action = entry.action
    if action.kind in UPKEEP:
        return Refreshed(
            oid=action.oid,
            column=action.kind,
            seconds=options.verify_timeout.total_seconds(),
        )
    if action.kind in PARTITIONING:
        return _partition_effect(entry)
    if action.kind in EXPIRY:
        return Expired()
    if (action.kind in REMOVAL) is not is_undoing(entry):
        oid = action.oid if action.kind in REMOVAL else number(entry, "index oid")
        return Removed(oid=oid)
    if action.kind in REMOVAL:
        relid = number(entry, "relation oid")
        return Created(relid=relid, name=action.name, definition=action.definition)
    return Created(relid=action.oid, name=action.name)


def _partition_effect(entry: JournalEntry) -> Effect:
    action = entry.action
    if action.kind not in _PLACES:
        return Added(parent=action.oid)
    child = next((str(e.value) for e in action.evidence if e.name == "partition"), "")
    wanted = _PLACES[action.kind][is_undoing(entry)]
    return Placed(parent=action.oid, child=child, wanted=wanted)


async def is_still_running(session: Session, entry: JournalEntry) -> bool:
    """Say whether the backend that ran an entry's statement is still at it.

    Raises:
        TargetError: it cannot be read.
    """
    pid = number(entry, "backend pid")
    if not pid or pid == session.backend_pid:
        return False
    found = await fetch_one(
        session,
        "look for the backend",
        """
        select
            exists (
                select 1
                from pg_catalog.pg_stat_activity as a
                where
                    a.pid = %(pid)s
                    and a.application_name = %(application)s
            ) as running
        """,
        {"pid": pid, "application": entry.verified.get("application", "")},
        _Running,
    )
    return found is None or found.running


class Settler:
    """Settles the entries of one journal."""

    def __init__(self, journal: Journal, options: ActingOptions) -> None:
        self._journal = journal
        self._options = options

    async def settle(
        self, entry: JournalEntry, session: Session, said: str
    ) -> JournalEntry:
        """Judge what an entry's statement did and move it on; `said` is the error.

        Raises:
            TargetError: a connection is lost; the entry stays where it is.
        """
        judgement = await self._judge(entry, session)
        if judgement.index is not None and judgement.outcome is Outcome.HALF:
            return await self._leftover(
                entry, session, judgement.index, judgement.facts, said
            )
        return await self._close(entry, judgement, said)

    async def _judge(self, entry: JournalEntry, session: Session) -> Judgement:
        effect = effect_of(entry, self._options)
        return await effect.judge(session, entry.verified)

    async def _close(
        self, entry: JournalEntry, judgement: Judgement, said: str
    ) -> JournalEntry:
        facts = dict(judgement.facts)
        state, detail = _final(entry, judgement, said)
        if is_undoing(entry):
            facts[UNDO] = "done" if state is ActionState.UNDONE else "failed"
        return await self.move(entry, state, detail=detail, verified=facts)

    async def _leftover(
        self,
        entry: JournalEntry,
        session: Session,
        found: FoundIndex,
        facts: Facts,
        said: str,
    ) -> JournalEntry:
        """Drop an invalid index that is ours: finishes a drop, or undoes a build."""
        detail = said or entry.detail
        tries = number(entry, "repairs")
        drop = render(Statement(_DROP, ((found.schema, found.name),)))
        if tries >= self._options.max_repairs:
            ask = f"An invalid index is left behind. Type: {drop.as_string()};"
            state = ActionState.NEEDS_HUMAN
            return await self.move(entry, state, detail=ask, verified=facts)
        entry = await self.move(
            entry, ActionState.HALF_DONE, detail=detail, verified=facts
        )
        entry = await self.move(
            entry, ActionState.REPAIRING, verified={"repairs": str(tries + 1)}
        )
        relid, kind = number(entry, "relation oid"), entry.action.kind
        said = await attempt(
            session,
            drop,
            owner=await owner_to_become(session, kind, relid),
            lock_timeout=self._options.lock_timeout,
            statement_timeout=self._options.statement_timeout,
        )
        after = await self._judge(entry, session)
        if after.outcome is Outcome.HALF:
            state = ActionState.HALF_DONE
            return await self.move(entry, state, detail=said or detail)
        return await self._close(entry, after, detail)

    async def move(
        self,
        entry: JournalEntry,
        state: ActionState,
        *,
        detail: str | None = None,
        verified: Facts | None = None,
    ) -> JournalEntry:
        """Move an entry that is ours alone; without a detail the last one stays.

        Raises:
            TargetError: somebody else moved it, so we do not lead any more.
        """
        moved = await self._journal.move(entry, state, detail=detail, verified=verified)
        if moved is None:
            raise TargetError(f"action {entry.id} was moved by somebody else")
        return moved


def _final(
    entry: JournalEntry, judgement: Judgement, said: str
) -> tuple[ActionState, str]:
    undoing = is_undoing(entry)
    if judgement.facts.get("same definition") == "no":
        reason = "The index that was built is not the one that was dropped."
        return ActionState.NEEDS_HUMAN, reason
    if judgement.outcome is Outcome.DONE:
        return (ActionState.UNDONE if undoing else ActionState.DONE), said
    nothing = said or "The server reported no error, yet nothing changed."
    # An undo that came to nothing leaves the action as it was: done.
    return (ActionState.DONE if undoing else ActionState.FAILED_CLEAN), nothing


def number(entry: JournalEntry, fact: str) -> int:
    """Return a number that was noted in an entry, 0 if it was not."""
    return int(entry.verified.get(fact, "0") or "0")
