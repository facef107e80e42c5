"""Looks, right before a detached month is dropped, whether all of it was exported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString

import psycopg

from monitor.model.action import Action, Statement
from monitor.postgres.acting import fetch_one
from monitor.postgres.deadline import bounded
from monitor.postgres.precheck_facts import Objection
from monitor.postgres.render import render
from monitor.postgres.session import Session
from monitor.postgres.translate import translate

COUNT_TIMEOUT = timedelta(hours=1)
"""How long counting the rows of a month may take."""

_MARGIN_SECONDS = 2.0

_OWNER: LiteralString = """
select
    case
        when pg_catalog.pg_has_role(c.relowner, 'usage') then ''
        else pg_catalog.pg_get_userbyid(c.relowner)::text
    end as owner
from pg_catalog.pg_class as c
where c.oid = %(parent)s::oid
"""

# The same table by name as by oid: the name alone could belong to a new one.
_PROOF: LiteralString = """
select
    (
        select l.details ->> 'rows'
        from monitoring.operations_log as l
        where
            l.event = 'partition_exported'
            and l.details ->> 'oid' = c.oid::text
        order by l.id desc
        limit 1
    ) is not distinct from (select pg_catalog.count(*)::text from only {} as t)
        as is_exported
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where
    n.nspname = 'app_partitions'
    and c.relkind = 'r'
    and c.relname = {}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owner:
    owner: str


async def about_export(session: Session, action: Action) -> list[Objection]:
    """Return why a month is not dropped, where it has to have been exported.

    Raises:
        TargetError: it cannot be read; then nothing may be done.
    """
    facts = {each.name: str(each.value) for each in action.evidence}
    if facts.get("export") != "required":
        return []
    values = {"parent": action.oid}
    found = await fetch_one(session, "look for the owner", _OWNER, values, _Owner)
    proving = _is_exported(session, facts["partition"], found.owner if found else "")
    seconds = COUNT_TIMEOUT.total_seconds() + _MARGIN_SECONDS
    try:
        if await bounded(session.connection, proving, seconds=seconds):
            return []
    except psycopg.Error as error:
        raise translate(error, what="compare it with its export") from error
    reason = "No export of it has as many rows as it has now."
    return [Objection("not_exported", reason)]


async def _is_exported(session: Session, name: str, owner: str) -> bool:
    proof = Statement(_PROOF, identifiers=(("app_partitions", name),), literals=(name,))
    limit = str(round(COUNT_TIMEOUT.total_seconds() * 1000))
    async with session.connection.transaction():
        # The role that acts may become the owner, but may read neither table itself.
        if owner:
            become = Statement("set local role {}", identifiers=((owner,),))
            await session.connection.execute(render(become))
        await session.connection.execute("set local row_security = off")
        await session.connection.execute(
            "select pg_catalog.set_config('statement_timeout', %s, true)", [limit]
        )
        cursor = await session.connection.execute(render(proof))
        row = await cursor.fetchone()
    return row is not None and bool(row[0])
