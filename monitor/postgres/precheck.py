"""Looks again, right before acting, at everything a plan was made from.

A plan rests on a catalog that is a minute old and on an approval that may be days
old. So the object's oid, name and definition are compared with the server once more,
every protection is asked of the catalogs themselves, and nobody may be in the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from monitor.model.action import Action
from monitor.model.server import Pooler
from monitor.postgres import precheck_statements as statements
from monitor.postgres.acting import ActingOptions, fetch, fetch_one
from monitor.postgres.assignment_effects import EXPIRY, about_assignments
from monitor.postgres.partition_effects import PARTITIONING, about_partitions
from monitor.postgres.precheck_facts import (
    IndexFacts,
    Objection,
    ServerFacts,
    TableFacts,
)
from monitor.postgres.session import Session

UPKEEP = frozenset({"analyze", "vacuum"})
CREATION = frozenset({"create_index"})
REMOVE_CREATED = "remove_created_index"
"""Taking back `create_index`: needs nothing but that it is still the same index."""

REMOVAL = frozenset({"drop_index", "drop_invalid_index", REMOVE_CREATED})

HOLDER_SECONDS = 1.0
"""A transaction that holds a lock on the table for longer is one we do not wait for."""

# Modes that conflict with ShareUpdateExclusiveLock, which all our statements take.
_CONFLICTING = frozenset(
    {
        "ShareUpdateExclusiveLock",
        "ShareLock",
        "ShareRowExclusiveLock",
        "ExclusiveLock",
        "AccessExclusiveLock",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """What was found: objections, or how to act and what to remember."""

    kind: str
    objections: tuple[Objection, ...]
    relid: int
    owner: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    transaction: str
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Old:
    transactions: int
    are_visible: bool


async def server_facts(session: Session) -> ServerFacts:
    """Return what the session's server and role are.

    Raises:
        TargetError: they cannot be read; then nothing may be done.
    """
    found = await fetch_one(
        session, "look at the server", statements.SERVER, {}, ServerFacts
    )
    return found or ServerFacts(is_standby=True, is_superuser=True, epoch="")


def about_server(
    session: Session, facts: ServerFacts, *, allow_superuser: bool
) -> Objection | None:
    """Return why nothing may be changed through this session, if so."""
    if session.pooler is not Pooler.NONE:
        reason = "A pooler is in between: locks and settings would not be ours."
        return Objection("pooler", reason)
    if facts.is_standby:
        return Objection("standby", "A standby cannot be changed.")
    if facts.is_superuser and not allow_superuser:
        reason = (
            "The role is a superuser: use pgvigil_maintainer and pgvigil_ddl, or set "
            "allow_superuser_actions."
        )
        return Objection("superuser", reason)
    return None


async def clear(session: Session, action: Action, options: ActingOptions) -> Clearance:
    """Return whether an action may run now, in the database it is about.

    Raises:
        TargetError: something could not be looked at; then nothing may be done.
    """
    index = await _index(session, action) if action.kind in REMOVAL else None
    relid = index.relid if index else action.oid
    table = await fetch_one(
        session,
        "look at the table",
        statements.TABLE,
        {"oid": relid, "new_name": action.name},
        TableFacts,
    )
    objections = [*_about_index(action, index), *_about_table(action, table)]
    if action.kind in PARTITIONING:
        objections += await about_partitions(session, action)
    elif action.kind in EXPIRY:
        objections += await about_assignments(session, action)
    if not objections and action.kind not in EXPIRY:
        objections += await _in_the_way(session, action, relid, options)
    return Clearance(
        kind=action.kind,
        objections=tuple(objections),
        relid=relid,
        owner=_owner(action.kind, table),
        comment=index.comment if index else "",
    )


async def owner_to_become(session: Session, kind: str, relid: int) -> str:
    """Return the role that may work on a table in our place, empty if we may.

    Raises:
        TargetError: it cannot be read.
    """
    values = {"oid": relid, "new_name": ""}
    table = await fetch_one(
        session, "look at the table", statements.TABLE, values, TableFacts
    )
    return _owner(kind, table)


def _owner(kind: str, table: TableFacts | None) -> str:
    if table is None or _may_act(kind, table):
        return ""
    return table.owner


async def _index(session: Session, action: Action) -> IndexFacts | None:
    covering = (e.value for e in action.evidence if e.name == "covering index oid")
    values = {"oid": action.oid, "covering": next(covering, None)}
    return await fetch_one(
        session, "look at the index", statements.INDEX, values, IndexFacts
    )


def _about_index(action: Action, index: IndexFacts | None) -> Iterator[Objection]:
    if action.kind not in REMOVAL:
        return
    if index is None:
        yield Objection("gone", "The index is gone.", is_final=True)
        return
    for rule, reason, is_broken in (
        ("renamed", "It has another name by now.", _is_renamed(action, index)),
        (
            "redefined",
            "Its definition is not what it was.",
            index.definition != action.definition,
        ),
        (
            "protected",
            "A constraint, replication, CLUSTER, a partition or an extension needs it.",
            index.is_protected,
        ),
        ("keep", "Its comment says pgvigil:keep.", "pgvigil:keep" in index.comment),
        (
            "undo_incomplete",
            "It has a tablespace or statistics targets that the undo would lose.",
            not index.is_rebuilt_fully,
        ),
    ):
        if is_broken:
            yield Objection(rule, reason, is_final=True)
    yield from _about_kind(action, index)


def _about_kind(action: Action, index: IndexFacts) -> Iterator[Objection]:
    if action.kind == "drop_invalid_index":
        if index.is_valid:
            yield Objection("valid", "The index is valid by now.", is_final=True)
        return
    if not index.is_valid:
        yield Objection("invalid", "The index became invalid.", is_final=True)
    if action.kind == REMOVE_CREATED:
        return
    is_covered = any(e.name == "covering index oid" for e in action.evidence)
    if is_covered and not index.covering_is_valid:
        reason = "The index that would take over is gone or invalid."
        yield Objection("covering", reason, is_final=True)
    if index.is_needed and not is_covered:
        reason = "Uniqueness, a foreign key or an expression's statistics need it."
        yield Objection("needed", reason, is_final=True)


def _about_table(action: Action, table: TableFacts | None) -> Iterator[Objection]:
    if table is None:
        if action.kind not in REMOVAL:
            yield Objection("gone", "The table is gone.", is_final=True)
        return
    if action.kind in UPKEEP | PARTITIONING | EXPIRY and (table.schema, table.name) != (
        action.schema,
        action.name,
    ):
        yield Objection("renamed", "It has another name by now.", is_final=True)
    if action.kind in CREATION:
        if table.schema != action.schema or not _names_table(action, table):
            yield Objection("renamed", "Its table was renamed.", is_final=True)
        if table.name_is_taken:
            yield Objection("name", "The name is taken by now.", is_final=True)
    yield from _about_privileges(action, table)


def _about_privileges(action: Action, table: TableFacts) -> Iterator[Objection]:
    if not _may_act(action.kind, table) and not table.may_become_owner:
        reason = f'Our role may neither act on it nor become its owner "{table.owner}".'
        yield Objection("privilege", reason)
    if action.kind in (*CREATION, "drop_index") and not table.may_create:
        reason = (
            f'No index can be created in schema "{table.schema}", which is the way '
            "or the way back."
        )
        yield Objection("schema_privilege", reason)


def _names_table(action: Action, table: TableFacts) -> bool:
    path = (table.schema, table.name)
    return not action.statement.identifiers or path in action.statement.identifiers


def _may_act(kind: str, table: TableFacts) -> bool:
    if kind in UPKEEP:
        return table.may_act or table.may_maintain
    return table.may_act


def _is_renamed(action: Action, index: IndexFacts) -> bool:
    return (index.schema, index.name) != (action.schema, action.name)


async def _in_the_way(
    session: Session, action: Action, relid: int, options: ActingOptions
) -> list[Objection]:
    found: list[Objection] = []
    holders = await _holders(session, relid)
    if any(mode in _CONFLICTING for _, mode in holders):
        reason = "Autovacuum, a build or DDL works on the table."
        return [Objection("conflicting_lock", reason)]
    if action.kind not in UPKEEP and holders:
        # Other roles' transactions hide their age, but not their identity: what is
        # there twice is older than the pause between.
        await asyncio.sleep(HOLDER_SECONDS)
        if holders & await _holders(session, relid):
            reason = "A transaction has held a lock on the table for over a second."
            found.append(Objection("lock_holder", reason))
    old = await _old_snapshots(session, options.old_snapshot)
    if action.kind in CREATION and old.transactions:
        reason = "A transaction that is too old would hold up the build."
        found.append(Objection("old_snapshot", reason))
    return found


async def _holders(session: Session, relid: int) -> frozenset[tuple[str, str]]:
    rows = await fetch(
        session, "look at locks", statements.HOLDERS, {"relid": relid}, _Holder
    )
    return frozenset((row.transaction, row.mode) for row in rows)


async def _old_snapshots(session: Session, age: timedelta) -> _Old:
    found = await fetch_one(
        session, "look at snapshots", statements.OLD_SNAPSHOTS, {"age": age}, _Old
    )
    return found or _Old(transactions=0, are_visible=False)


async def unknowns(session: Session) -> str:
    """Return what could not be looked at before acting, in words.

    Raises:
        TargetError: nothing can be read.
    """
    old = await _old_snapshots(session, timedelta(days=1))
    ages = "" if old.are_visible else "; the age of other roles' transactions"
    return f"free disk space{ages}"
