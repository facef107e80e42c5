"""The journal `monitoring.actions`: what is done is written here before it is done.

A row moves from state to state by compare-and-set, so that two daemons, or a daemon
and an operator, cannot both take the same step.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from monitor.model.action import (
    Action,
    ActionMode,
    ActionState,
    JournalEntry,
    Statement,
)
from monitor.model.finding import Evidence
from monitor.postgres import journal_statements as statements
from monitor.postgres import render, trust
from monitor.postgres.acting import fetch, fetch_one
from monitor.postgres.session import Session

UNFINISHED = tuple(state for state in ActionState if not state.is_final)
STANDING_FOR = timedelta(days=7)
"""How long a report, a rejection or a call for help keeps us from proposing again."""

_SETTLING = timedelta(minutes=10)
"""How long catalogs and statistics read before an action may ask for it again."""

_KEPT = timedelta(days=45)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    id: int
    kind: str
    target: str
    datname: str
    schemaname: str
    objname: str
    oid: int
    mode: str
    state: str
    sql: str
    undo_sql: str
    definition: str
    size_bytes: int | None
    owner: str
    lock: str
    reason: str
    evidence: list[dict[str, Any]]
    finding_id: str
    actor: str
    epoch: str
    detail: str
    verified: dict[str, str]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Access:
    exists: bool
    owner: str
    is_trusted: bool
    writable: bool


class Journal:
    """The journal in the control database, through one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def problem(self) -> str:
        """Return why the journal cannot be written, empty if it can.

        Raises:
            TargetError: the connection is lost.
        """
        access = await fetch_one(
            self._session, "look for the journal", statements.ACCESS, {}, _Access
        )
        if access is None or not access.exists:
            return "There is no journal: schema monitoring is not installed."
        if not access.is_trusted:
            return f"Of no use: {trust.distrust(access.owner)}. {trust.CURE}"
        if not access.writable:
            return "The role may not write the journal monitoring.actions."
        return ""

    async def add(
        self,
        action: Action,
        mode: ActionMode,
        state: ActionState,
        *,
        actor: str,
        epoch: str,
        lifetime: timedelta | None,
    ) -> JournalEntry:
        """Commit a new row and return it; `lifetime` is for unfinished ones.

        Raises:
            TargetError: it could not be written; then nothing may be done.
        """
        values = _values(action) | {
            "mode": mode,
            "state": state,
            "actor": actor,
            "epoch": epoch,
            "lifetime": lifetime,
        }
        rows = await self._rows("write the journal", statements.INSERT, values)
        return rows[0]

    async def move(
        self,
        entry: JournalEntry,
        state: ActionState,
        *,
        detail: str | None = None,
        actor: str | None = None,
        verified: Mapping[str, str] | None = None,
        definition: str | None = None,
        undo_sql: str | None = None,
    ) -> JournalEntry | None:
        """Commit an entry's next state; None if it is not where we believed.

        What is not given stays; `verified` is added to what is there.

        Raises:
            TargetError: it could not be written; then nothing may be done.
        """
        values = {
            "id": entry.id,
            "from": entry.state,
            "to": state,
            "detail": detail,
            "actor": actor,
            "verified": json.dumps(dict(verified or {})),
            "definition": definition,
            "undo_sql": undo_sql,
        }
        rows = await self._rows("write the journal", statements.MOVE, values)
        return next(iter(rows), None)

    async def get(self, action_id: int) -> JournalEntry | None:
        """Return one entry; None if there is none of that id."""
        rows = await self._rows("read the journal", statements.GET, {"id": action_id})
        return next(iter(rows), None)

    async def in_states(
        self, states: Iterable[ActionState]
    ) -> tuple[JournalEntry, ...]:
        """Return the entries in some states, the oldest first."""
        wanted = {"states": [str(state) for state in states]}
        return tuple(await self._rows("read the journal", statements.IN_STATES, wanted))

    async def standing(self, action: Action) -> JournalEntry | None:
        """Return the entry that already stands for this very statement, if any."""
        values = {
            "kind": action.kind,
            "datname": action.database,
            "oid": action.oid,
            "sql": render.text(action.statement),
            "unfinished": [str(state) for state in UNFINISHED],
            "age": STANDING_FOR,
            "settling": _SETTLING,
        }
        rows = await self._rows("read the journal", statements.STANDING, values)
        return next(iter(rows), None)

    async def recent(self) -> tuple[JournalEntry, ...]:
        """Return the entries of the last weeks, the newest first."""
        return tuple(
            await self._rows("read the journal", statements.RECENT, {"age": _KEPT})
        )

    async def expire(self) -> tuple[JournalEntry, ...]:
        """Close what has waited too long for an approval or a quiet moment."""
        return tuple(await self._rows("write the journal", statements.EXPIRE, {}))

    async def _rows(
        self, what: str, query: LiteralString, values: Mapping[str, object]
    ) -> list[JournalEntry]:
        rows = await fetch(self._session, what, query, values, _Row)
        return [_entry(row) for row in rows]


def _values(action: Action) -> dict[str, object]:
    evidence = [
        {
            "name": each.name,
            "value": each.value,
            "unit": each.unit,
            "seconds": each.window.total_seconds() if each.window else None,
        }
        for each in action.evidence
    ]
    return {
        "kind": action.kind,
        "target": action.target,
        "datname": action.database,
        "schemaname": action.schema,
        "objname": action.name,
        "oid": action.oid,
        "sql": render.text(action.statement),
        "undo_sql": render.text(action.undo),
        "definition": action.definition,
        "size_bytes": action.size_bytes,
        "owner": action.owner,
        "lock": action.lock,
        "reason": action.reason,
        "evidence": json.dumps(evidence),
        "finding_id": action.finding_id,
    }


def _entry(row: _Row) -> JournalEntry:
    """Return a row as an entry.

    Its action has no statement: what is executed is rendered from an action that
    was planned in this process, never from text in a table.
    """
    action = Action(
        kind=row.kind,
        target=row.target,
        database=row.datname,
        schema=row.schemaname,
        name=row.objname,
        oid=row.oid,
        statement=Statement(),
        undo=None,
        lock=row.lock,
        reason=row.reason,
        definition=row.definition,
        size_bytes=row.size_bytes,
        owner=row.owner,
        evidence=tuple(_evidence(each) for each in row.evidence),
        finding_id=row.finding_id,
    )
    return JournalEntry(
        id=row.id,
        action=action,
        mode=ActionMode(row.mode),
        state=ActionState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        actor=row.actor,
        sql=row.sql,
        undo_sql=row.undo_sql,
        detail=row.detail,
        epoch=row.epoch,
        verified=row.verified,
    )


def _evidence(stored: Mapping[str, Any]) -> Evidence:
    seconds = stored.get("seconds")
    return Evidence(
        name=str(stored.get("name", "")),
        value=stored.get("value", ""),
        unit=str(stored.get("unit", "")),
        window=None if seconds is None else timedelta(seconds=seconds),
    )
