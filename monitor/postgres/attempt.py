"""Runs one changing statement, within bounds, as the role that may."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import psycopg
from psycopg import sql

from monitor.errors import QueryTimedOut, TargetError, TargetUnreachable
from monitor.postgres.acting import READ_SECONDS
from monitor.postgres.deadline import bounded
from monitor.postgres.session import Session
from monitor.postgres.translate import translate

_MARGIN_SECONDS = 2.0
"""How much longer we wait than the server's own statement_timeout."""


async def attempt(
    session: Session,
    statement: sql.Composed,
    *,
    owner: str,
    lock_timeout: timedelta,
    statement_timeout: timedelta,
) -> str:
    """Run a statement and return what the server said against it, empty for nothing.

    A warning counts: VACUUM and ANALYZE skip what they may not touch with no more
    than that. What was really done is for the caller to look at.

    Raises:
        TargetUnreachable: the connection is lost; the statement may still run.
    """
    try:
        await _prepare(session, owner, lock_timeout, statement_timeout)
        session.clear_notices()
        seconds = statement_timeout.total_seconds() + _MARGIN_SECONDS
        # Prepared: the extended protocol takes one statement and no second one.
        running = session.connection.execute(statement, prepare=True)
        await bounded(session.connection, running, seconds=seconds)
    except psycopg.Error as error:
        said = translate(error, what="run the statement")
    except QueryTimedOut as error:
        said = error
    else:
        return " ".join(n for n in session.notices if n.startswith("WARNING"))
    finally:
        await _restore(session, owner)
    if not session.is_open:
        raise TargetUnreachable(said.message, detail=said.detail, hint=said.hint)
    return str(said)


async def _prepare(
    session: Session,
    owner: str,
    lock_timeout: timedelta,
    statement_timeout: timedelta,
) -> None:
    settings = {
        "lock_timeout": lock_timeout,
        "statement_timeout": statement_timeout,
    }
    for name, limit in settings.items():
        milliseconds = str(round(limit.total_seconds() * 1000))
        await _run(
            session,
            sql.SQL("set {} = {}").format(
                sql.Identifier(name), sql.Literal(milliseconds)
            ),
        )
    if owner:
        await _run(session, sql.SQL("set role {}").format(sql.Identifier(owner)))


async def _restore(session: Session, owner: str) -> None:
    if owner and session.is_open:
        # A connection that cannot take its role back is of no further use.
        with contextlib.suppress(TargetError, psycopg.Error):
            await _run(session, sql.SQL("reset role").format())


async def _run(session: Session, statement: sql.Composed) -> None:
    await bounded(
        session.connection, session.connection.execute(statement), seconds=READ_SECONDS
    )
