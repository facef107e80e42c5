"""The way back of a finished action, as an action of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import LiteralString

from monitor.errors import ActionFailed
from monitor.model.action import Action, ActionState, JournalEntry, Statement
from monitor.model.quoting import qualified
from monitor.postgres.effects import find
from monitor.postgres.precheck import REMOVAL, REMOVE_CREATED
from monitor.postgres.render import rebuild
from monitor.postgres.session import Session
from monitor.postgres.settle import number

_DROP = "drop index concurrently {}"

_PARTITIONS: Mapping[str, LiteralString] = {
    "create_partition": "select app_private.remove_empty_partition({}, {})",
    "detach_partition": "select app_private.attach_detached({}, {})",
}


async def plan(session: Session, entry: JournalEntry) -> Action:
    """Return the action that takes a finished one back.

    Raises:
        ActionFailed: there is no way back, or not any more.
        TargetError: the server cannot be read.
    """
    if entry.state is not ActionState.DONE or not entry.undo_sql:
        raise ActionFailed(
            f"cannot undo action {entry.id}",
            detail=f"Its state is {entry.state} and its way back is "
            f"{entry.undo_sql or 'none'}.",
        )
    if entry.action.kind in REMOVAL:
        return replace(
            entry.action,
            kind="create_index",
            oid=number(entry, "relation oid"),
            statement=rebuild(entry.action.definition),
        )
    if entry.action.kind in _PARTITIONS:
        return replace(entry.action, statement=_partition_back(entry))
    found = await find(session, number(entry, "index oid"))
    if found is None:
        raise ActionFailed(f"cannot undo action {entry.id}", detail="It is gone.")
    return replace(
        entry.action,
        kind=REMOVE_CREATED,
        oid=found.oid,
        schema=found.schema,
        name=found.name,
        definition=entry.verified.get("definition", ""),
        statement=Statement(_DROP, ((found.schema, found.name),)),
    )


def _partition_back(entry: JournalEntry) -> Statement:
    action = entry.action
    month = next((str(e.value) for e in action.evidence if e.name == "month"), "")
    table = qualified(action.schema, action.name)
    return Statement(_PARTITIONS[action.kind], literals=(table, month))
