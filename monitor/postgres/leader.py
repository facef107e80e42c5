"""One actor per server: an advisory lock that lives as long as its session.

Advisory locks belong to a database, and two daemons may have different control
databases on one server. So after taking the lock we look for the same one in any
database: whoever sees another's gives up its own, and neither acts in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.server import Pooler
from monitor.postgres.acting import fetch_one
from monitor.postgres.session import Session

LOCK = {"class": 0x70677669, "object": 1}
"""The advisory lock's two keys: "pgvi" in ASCII, and 1 for acting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    ours: bool
    others: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    taken: bool


async def lead(session: Session) -> bool:
    """Take the lead on this session's server, if nobody has it.

    Behind a pooler the lock would be somebody else's: never.

    Raises:
        TargetError: the connection is lost.
    """
    if session.pooler is not Pooler.NONE:
        return False
    if await holds(session):
        return True
    taken = await fetch_one(
        session,
        "take the lead",
        "select pg_catalog.pg_try_advisory_lock(%(class)s::integer, "
        "%(object)s::integer) as taken",
        LOCK,
        _Taken,
    )
    if taken is None or not taken.taken:
        return False
    if (await _held(session)).others:
        await _release(session)
        return False
    return True


async def holds(session: Session) -> bool:
    """Say whether this very session has the lead, by asking the server.

    Raises:
        TargetError: the connection is lost, and the lead with it.
    """
    return (await _held(session)).ours


async def _release(session: Session) -> None:
    await fetch_one(
        session,
        "give up the lead",
        "select pg_catalog.pg_advisory_unlock(%(class)s::integer, "
        "%(object)s::integer) as taken",
        LOCK,
        _Taken,
    )


async def _held(session: Session) -> _Held:
    found = await fetch_one(
        session,
        "look for the lead",
        """
        select
            coalesce(pg_catalog.bool_or(l.pid = pg_catalog.pg_backend_pid()), false)
                as ours,
            pg_catalog.count(*) filter (where l.pid <> pg_catalog.pg_backend_pid())
                as others
        from pg_catalog.pg_locks as l
        where
            l.locktype = 'advisory'
            and l.granted
            and l.classid = %(class)s::oid
            and l.objid = %(object)s::oid
            and l.objsubid = 2
        """,
        LOCK,
        _Held,
    )
    return found or _Held(ours=False, others=0)
