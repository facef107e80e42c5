"""One timed statement: alone in a read-only transaction that is rolled back.

Whatever a policy's function does to the session ends with the transaction, since
nothing but the rollback follows it, or with the connection at the end of the round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import psycopg

from monitor.errors import InsufficientPrivilege, QueryTimedOut, TargetError
from monitor.model.persona import Persona
from monitor.model.quoting import quote_ident
from monitor.model.rls import ProbeStatus
from monitor.postgres.request import Reply, Request
from monitor.postgres.session import Session

_BEGIN = Request(name="probe_begin", sql="begin read only")
_ROLLBACK = Request(name="probe_rollback", sql="rollback")
_OWN_PATH = "search_path"
# What a node's children are to it, unless they are sub-plans of an expression.
_OWN = ("Outer", "Inner", "Member")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a statement gave nothing, in words of ours.

    The server's are not passed on: a policy's function can put claims into them.
    """

    status: ProbeStatus
    reason: str


@dataclass(frozen=True, slots=True)
class Execution:
    """How long a statement was executed, planning excluded; `plan` is its root."""

    seconds: float
    plan: Mapping[str, Any]

    @property
    def scanned_rows(self) -> int:
        """Return how many rows its scans gave, those of sub-plans left out."""
        return round(sum(_rows(scan) for scan in _scans(self.plan)))

    @property
    def scan_types(self) -> frozenset[str]:
        """Return by what kinds of nodes rows are read, those of sub-plans left out."""
        return frozenset(str(scan["Node Type"]) for scan in _scans(self.plan))


@dataclass(frozen=True, slots=True, kw_only=True)
class Guise:
    """As whom a statement is run: a role and settings, for one transaction."""

    role: str = ""
    settings: Mapping[str, str]

    @property
    def requests(self) -> tuple[Request, ...]:
        """Return what puts it on. Values are parameters: no statement shows them."""
        wanted = dict(self.settings)
        if self.role:
            wanted["role"] = self.role
        return tuple(set_locally(name, value) for name, value in wanted.items())


def set_locally(name: str, value: str) -> Request:
    """Return the request that changes a setting until the transaction ends."""
    return Request(
        name=f"probe_{name}",
        sql="select pg_catalog.set_config(%(name)s, %(value)s, true)",
        parameters={"name": name, "value": value},
    )


def as_persona(persona: Persona, schemas: Sequence[str]) -> Guise:
    """Return the guise of a persona, whose requests name things in `schemas`."""
    path = ", ".join(map(quote_ident, schemas))
    return Guise(role=persona.role, settings={_OWN_PATH: path, **persona.settings})


def as_bypassing(role: str, persona: Persona | None = None) -> Guise:
    """Return the guise of the side without policies; an empty role is the login.

    A persona lends its claims, never its search_path: whoever may create functions
    there could slip one under a built-in name, to run with this side's rights.
    """
    claims = dict(persona.settings) if persona else {}
    claims.pop(_OWN_PATH, None)
    return Guise(role=role, settings=claims)


def foreign_setting(persona: Persona) -> str:
    """Return a persona's setting that is the server's own; empty if there is none.

    A request's claims are in settings with a dot in their name. Others would lift
    the bounds of a probe.
    """
    own = (n for n in persona.settings if "." not in n and n != _OWN_PATH)
    return next(own, "")


async def run(
    session: Session, guise: Guise, request: Request, *, seconds: float
) -> Reply | Failure:
    """Run one request in a guise; return its reply, or why there is none."""
    requests = (_BEGIN, *guise.requests, request, _ROLLBACK)
    try:
        replies = await session.run_all(requests, seconds=seconds)
    except TargetError as error:
        return failure(error)
    *before, reply, rollback = replies
    for each in (*before, reply, rollback):
        if each.error is not None:
            return failure(each.error, in_guise=each is not reply)
    return reply


async def timed(
    session: Session, guise: Guise, request: Request, *, seconds: float
) -> Execution | Failure:
    """Run an EXPLAIN (ANALYZE, FORMAT JSON) in a guise; return what it took."""
    reply = await run(session, guise, request, seconds=seconds)
    return reply if isinstance(reply, Failure) else _execution(reply)


def failure(error: TargetError, *, in_guise: bool = False) -> Failure:
    """Return what an error means for a probe, without anything the server said."""
    code = sqlstate(error)
    known = f" (SQLSTATE {code})" if code else ""
    match error:
        case QueryTimedOut():
            what = "waited for a lock" if code == "55P03" else "ran into its time limit"
            return Failure("timeout", f"the statement {what}")
        case InsufficientPrivilege() if in_guise:
            return Failure("no_privilege", "the login may not become the role")
        case InsufficientPrivilege():
            return Failure("no_privilege", f"the role lacks a privilege{known}")
        case _:
            where = (
                "the role could not be taken" if in_guise else "the statement failed"
            )
            return Failure("error", f"{where}{known}")


def sqlstate(error: TargetError) -> str:
    """Return the code of the server's error; empty for none, or one of its own.

    A function can raise an error with any code, and so with five characters of a
    claim: only those that PostgreSQL knows are told.
    """
    cause = error.__cause__
    code = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    if code is None:
        return ""
    try:
        psycopg.errors.lookup(code)
    except KeyError:
        return ""
    return code


def _execution(reply: Reply) -> Execution | Failure:
    try:
        (((explained,),),) = cast("tuple[tuple[list[Mapping[str, Any]]]]", reply.rows)
        return Execution(explained["Execution Time"] / 1000, explained["Plan"])
    except (KeyError, TypeError, ValueError):
        return Failure("error", "the server gave no plan with an execution time")


def _scans(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the nodes that read tables; one for each partition that has any."""
    children: Sequence[Mapping[str, Any]] = plan.get("Plans", ())
    own = [c for c in children if c.get("Parent Relationship") in _OWN]
    if not own:
        yield plan
    for child in own:
        yield from _scans(child)


def _rows(scan: Mapping[str, Any]) -> float:
    return float(scan.get("Actual Rows", 0)) * float(scan.get("Actual Loops", 0))
