"""Asks the server itself whether a policy would filter a statement's rows.

With `row_security` off, a statement that policies would filter is refused while it
is planned; nothing is executed. Planning runs functions that claim to be immutable,
so this is asked as a persona's role only, through the login that can become no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import LiteralString

import psycopg
from psycopg import sql

from monitor.errors import TargetError
from monitor.model.quoting import quote_ident
from monitor.postgres.request import Reply, Request
from monitor.postgres.session import Session
from monitor.probes import recorded
from monitor.probes.transaction import set_locally

_NAME: LiteralString = "pgvigil_confirm"
# The prepared form is planned without values on every version, and its text goes
# through the extended protocol; EXPLAIN (GENERIC_PLAN), from 16 on, would need the
# simple one, which runs as many statements as a text holds.
_PREPARE: LiteralString = f"prepare {_NAME} as "
_BEGIN = Request(name="confirm_begin", sql="begin read only")
_ROLLBACK = Request(name="confirm_rollback", sql="rollback")
_FORGET = Request(name="confirm_forget", sql=f"deallocate {_NAME}")
_PARAMETERS = Request(
    name="confirm_parameters",
    sql="""
        select pg_catalog.cardinality(s.parameter_types)
        from pg_catalog.pg_prepared_statements as s
        where s.name = %(name)s
    """,
    parameters={"name": _NAME},
)
_GRACE_SECONDS = 0.5
# Where the server raises the error: a function can forge its code and its text.
_RAISED_IN = "check_enable_rls"
_SAYS = "row-level security"


async def confirm(
    session: Session,
    statements: Sequence[tuple[int, str]],
    role: str,
    *,
    schemas: Sequence[str] = (),
) -> Mapping[int, bool]:
    """Return for each statement whether a policy would filter rows for a role.

    Statements are (queryid, text), the text as pg_stat_statements has it. Those
    that cannot be planned as that role are not in the result: utility statements,
    truncated texts, missing privileges, names that `schemas` do not resolve. Once
    the connection is lost nothing more is decided.
    """
    decided: dict[int, bool] = {}
    guise = _guise(role, schemas)
    for queryid, text in statements:
        if not session.is_open:
            break
        answer = await _ask(session, guise, text)
        if answer is not None:
            decided[queryid] = answer
    return decided


def _guise(role: str, schemas: Sequence[str]) -> tuple[Request, ...]:
    path = ", ".join(map(quote_ident, schemas)) or "pg_catalog, pg_temp"
    return (
        set_locally("row_security", "off"),
        set_locally("plan_cache_mode", "force_generic_plan"),
        set_locally("search_path", path),
        set_locally("role", role),
    )


async def _ask(session: Session, guise: Sequence[Request], text: str) -> bool | None:
    prepare = recorded.with_text("confirm_prepare", _PREPARE, text)
    first = await _run(session, (_BEGIN, *guise, prepare, _PARAMETERS))
    if not first:
        return None
    *taken, prepared, counted = first
    answer: bool | None = None
    if not any(reply.error for reply in taken):
        answer = _filters(prepared)
        match counted.rows:
            case ((int(number),),):
                replies = await _run(session, (_explain(number),))
                answer = _filters(replies[0]) if replies else None
            case _:
                pass
    await _run(session, (_ROLLBACK, _FORGET))
    return answer


async def _run(session: Session, requests: Sequence[Request]) -> Sequence[Reply]:
    """Return the replies; none when the connection was given up or is lost."""
    seconds = session.limits.statement.total_seconds() + _GRACE_SECONDS
    try:
        return await session.run_all(requests, seconds=seconds)
    except TargetError:
        return ()


def _explain(parameters: int) -> Request:
    """Return the request that plans the prepared statement without any values."""
    values = sql.SQL(", ").join([sql.SQL("null")] * parameters)
    execute = sql.SQL(f"explain (costs off) execute {_NAME}")
    listed = [sql.SQL("("), values, sql.SQL(")")] if parameters else []
    return Request(name="confirm_explain", sql=sql.Composed([execute, *listed]))


def _filters(reply: Reply) -> bool | None:
    """Return what a reply means; None where it is about something else."""
    if reply.error is None:
        return False
    cause = reply.error.__cause__
    if not isinstance(cause, psycopg.errors.InsufficientPrivilege):
        return None
    source = cause.diag.source_function
    said = cause.diag.message_primary or ""
    is_policy = source == _RAISED_IN if source else _SAYS in said
    return True if is_policy else None
