"""Streams everything of one organization, a row at a time and in one snapshot.

Rows are JSON objects, a line each, from the views of schema `app_private`. Only
messages are in order, by conversation: sorting all of a large section would write it
to the server's disk once more. For as long as it takes, the snapshot keeps VACUUM from
removing what was deleted since it began.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from monitor.errors import InsufficientPrivilege, TargetError
from monitor.postgres import organization_sections as sections
from monitor.postgres.organization_sections import SECTIONS, Section
from monitor.postgres.request import Request
from monitor.postgres.session import Session
from monitor.postgres.streaming import (
    STALL_SECONDS,
    STEP_SECONDS,
    OpenSection,
    Sink,
    copy_lines,
    one_snapshot,
    while_growing,
)

# Each is sorted by the server on its own, see above.
_CONVERSATIONS_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What was exported from where, as of when."""

    organization_name: str
    snapshot_at: datetime
    datname: str
    server_version: str
    schema_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What to export: conversations begun in the last days, or all where None."""

    organization_id: UUID
    conversation_days: int | None

    @property
    def parameters(self) -> dict[str, object]:
        """Return what the sections' statements need."""
        return {
            "organization_id": self.organization_id,
            "conversation_days": self.conversation_days,
        }


async def export_organization(
    session: Session,
    subject: Subject,
    open_section: OpenSection,
    *,
    stall_seconds: float = STALL_SECONDS,
) -> Snapshot:
    """Write every section of an organization to a sink of its own.

    That it began is committed to monitoring.operations_log before a row is read.
    `session` is of purpose `act`, with no limit on statements.

    Raises:
        InsufficientPrivilege: policies would hide rows from this role.
        TargetError: there is no such organization, no platform, or the server failed.
    """
    await _require_all_rows(session)
    await _find(session, subject)
    await log_export(session, subject, "organization_export_started", {})
    async with one_snapshot(session):
        snapshot = await _find(session, subject)
        for section in SECTIONS:
            with open_section(section.name) as sink:
                writing = _write(session, section, subject, sink)
                await while_growing(
                    session,
                    writing,
                    sink,
                    seconds=stall_seconds,
                    what="read the organization",
                )
    return snapshot


async def log_export(
    session: Session, subject: Subject, event: LiteralString, details: dict[str, object]
) -> None:
    """Note an event in monitoring.operations_log, in a transaction of its own."""
    known = {"via": "pgvigil", "conversation_days": subject.conversation_days}
    request = Request(
        name="log_export",
        sql="""
            select
                app_private.log_export(
                    %(organization_id)s, %(event)s, %(details)s
                ) as logged
        """,
        parameters={
            "organization_id": subject.organization_id,
            "event": event,
            "details": Jsonb(known | details),
        },
    )
    await session.run(request, seconds=STEP_SECONDS)


async def _require_all_rows(session: Session) -> None:
    reply = await session.run(sections.PLACE, seconds=STEP_SECONDS)
    match reply.rows:
        case (sections.Place(is_installed=True, filtered=()),):
            return
        case (sections.Place(is_installed=False),):
            raise TargetError(
                f'the platform is not installed in database "{session.dbname}"',
                hint='Install it with "pgvigil platform install", or choose another'
                " target.",
            )
        case (sections.Place(filtered=filtered, role=role),):
            raise InsufficientPrivilege(
                f'cannot export as role "{role}": it does not see all rows',
                detail=f"Policies hide rows of {', '.join(filtered)}.",
                hint="Connect as the owner of the platform, or with BYPASSRLS.",
            )
        case _:
            raise TargetError("the server does not tell what is installed")


async def _find(session: Session, subject: Subject) -> Snapshot:
    request = Request(
        name="snapshot",
        sql=sections.SNAPSHOT,
        parameters=subject.parameters,
        row=Snapshot,
    )
    rows = (await session.run(request, seconds=STEP_SECONDS)).rows
    for row in rows:
        if isinstance(row, Snapshot):
            return row
    raise TargetError(
        f'there is no organization "{subject.organization_id}"'
        f' in database "{session.dbname}"'
    )


async def _write(
    session: Session, section: Section, subject: Subject, sink: Sink
) -> None:
    statement = sections.copy_out(section.rows)
    if section.name != sections.MESSAGES:
        await copy_lines(session, statement, subject.parameters, sink)
        return
    after: tuple[object, object] = ("-infinity", UUID(int=0))
    while page := await _conversations(session, subject, after):
        ids = [conversation_id for _, conversation_id in page]
        chosen = {**subject.parameters, "conversation_ids": ids}
        await copy_lines(session, statement, chosen, sink)
        after = page[-1]


async def _conversations(
    session: Session, subject: Subject, after: tuple[object, object]
) -> list[tuple[object, object]]:
    async with session.connection.cursor() as cursor:
        await cursor.execute(
            sections.CONVERSATIONS,
            {
                **subject.parameters,
                "started_at": after[0],
                "id": after[1],
                "most": _CONVERSATIONS_AT_ONCE,
            },
        )
        return [(started_at, id_) for started_at, id_ in await cursor.fetchall()]
