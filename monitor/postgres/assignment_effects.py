"""What marking assignments inactive should have changed, and what may forbid it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

from monitor.model.action import Action
from monitor.postgres.acting import fetch_one
from monitor.postgres.effects import Facts, Judgement, Outcome
from monitor.postgres.precheck_facts import Objection
from monitor.postgres.session import Session

EXPIRY = frozenset({"expire_assignments"})

_FUNCTIONS: LiteralString = """
select
    pg_catalog.count(*) = 2 as are_there,
    coalesce(
        pg_catalog.bool_and(
            f.proowner = t.relowner
            and (
                r.rolsuper
                or r.rolbypassrls
                or r.rolname in ('pgvigil_owner', session_user)
            )
        ),
        false
    ) as are_trusted,
    coalesce(
        pg_catalog.bool_and(
            f.proname <> 'assignment_figures'
            or pg_catalog.has_schema_privilege(n.oid, 'usage')
            and pg_catalog.has_function_privilege(f.oid, 'execute')
        ),
        false
    ) as are_callable
from pg_catalog.pg_class as t
join pg_catalog.pg_roles as r on r.oid = t.relowner
cross join pg_catalog.pg_namespace as n
join pg_catalog.pg_proc as f on f.pronamespace = n.oid
where
    t.oid = %(relid)s::oid
    and t.relname = 'content_assignments'
    and n.nspname = 'monitoring'
    and f.proname in ('expire_assignments', 'assignment_figures')
"""

# Not the table: the role that acts may become its owner, but may not read it itself.
_EXPIRED: LiteralString = """
select
    (f.figures ->> 'expired')::bigint as expired
from (select monitoring.assignment_figures() as figures) as f
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Functions:
    are_there: bool
    are_trusted: bool
    are_callable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    expired: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Fewer assignments than before have ended and are marked active."""

    async def before(self, session: Session) -> Facts:
        """Return how many there are."""
        return {"expired before": str(await _expired(session))}

    async def judge(self, session: Session, noted: Facts) -> Judgement:
        """Count them again; more may have ended since."""
        left = await _expired(session)
        marked = int(noted.get("expired before", "0")) - left
        outcome = Outcome.DONE if marked > 0 or not left else Outcome.UNCHANGED
        return Judgement(
            outcome=outcome, facts={"marked inactive": str(marked), "left": str(left)}
        )


async def about_assignments(session: Session, action: Action) -> list[Objection]:
    """Return why the platform's function is not called.

    Raises:
        TargetError: it cannot be read; then nothing may be done.
    """
    found = await fetch_one(
        session,
        "look at the platform's functions",
        _FUNCTIONS,
        {"relid": action.oid},
        _Functions,
    )
    objections = list(_objections(found)) if found else []
    if not objections and not await _expired(session):
        reason = "No assignment has ended any more."
        objections.append(Objection("none", reason, is_final=True))
    return objections


def _objections(found: _Functions) -> Iterator[Objection]:
    if not found.are_there:
        yield Objection("not_platform", "It is not the platform's.", is_final=True)
    elif not found.are_trusted:
        # A function can reset the role and go on with all that ours may do.
        reason = "The functions belong to a role that is no administrator."
        yield Objection("untrusted", reason)
    elif not found.are_callable:
        reason = "Our role may not call monitoring.assignment_figures()."
        yield Objection("privilege", reason)


async def _expired(session: Session) -> int:
    found = await fetch_one(session, "count assignments", _EXPIRED, {}, _Count)
    return found.expired if found else 0
