"""What an authorised operator may do to a running daemon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog

from monitor.model.action import JournalEntry
from monitor.model.finding import Mute, TrackedFinding
from monitor.runtime.archive import Archive
from monitor.runtime.board import Board
from monitor.runtime.watch import Watch

log = structlog.get_logger()


class Console:
    """Carries out what the HTTP surface has authorised; see `model.state.Operator`."""

    def __init__(
        self,
        board: Board,
        *,
        watches: Callable[[], Mapping[str, Watch]],
        archive: Archive,
        reload: Callable[[], Awaitable[None]],
    ) -> None:
        self._board = board
        self._watches = watches
        self._archive = archive
        self._reload = reload

    async def approve(self, target: str, action_id: int, by: str) -> JournalEntry:
        """Let an action that awaits approval run in its next quiet moment."""
        entry = await self._watch(target).caretaker.approve(action_id, by)
        self._board.mark(target)
        return entry

    async def reject(self, target: str, action_id: int, by: str) -> JournalEntry:
        """Close an action that awaits approval."""
        entry = await self._watch(target).caretaker.reject(action_id, by)
        self._board.mark(target)
        return entry

    async def undo(self, target: str, action_id: int, by: str) -> JournalEntry:
        """Run the stored way back of a finished action."""
        entry = await self._watch(target).caretaker.undo(action_id, by)
        self._board.mark(target)
        return entry

    async def mute(
        self, finding_id: str, *, reason: str, until: datetime, by: str
    ) -> TrackedFinding:
        """Keep a finding from alerting until a moment; survives a restart.

        Raises:
            LookupError: no target has this finding.
        """
        name = next(
            (
                name
                for name, watch in self._watches().items()
                if any(t.finding.id == finding_id for t in watch.judge.findings)
            ),
            None,
        )
        if name is None:
            raise LookupError(f'there is no finding "{finding_id}"')
        self._archive.mutes[finding_id] = Mute(
            finding_id=finding_id, reason=reason, until=until, by=by
        )
        log.info("finding_muted", finding=finding_id, until=until.isoformat(), by=by)
        await self._archive.save_mutes()
        self._board.mark(name)
        await self._board.publish()
        watch = self._watches()[name]
        return next(t for t in watch.judge.findings if t.finding.id == finding_id)

    async def reload(self) -> None:
        """Read the configuration again; an invalid one changes nothing."""
        await self._reload()

    async def pause(self, *, paused: bool) -> None:
        """Stop or allow every action on every target."""
        self._board.standing.is_paused = paused
        log.warning("actions_paused" if paused else "actions_resumed")
        self._board.mark()

    def _watch(self, target: str) -> Watch:
        watch = self._watches().get(target)
        if watch is None:
            raise LookupError(f'there is no target "{target}"')
        return watch
