"""Seals the platform's audit log and verifies it, both by functions of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from monitor.postgres.request import Request
from monitor.postgres.session import Session

TAMPERED = frozenset({"CHANGED", "MISSING", "CHAIN BROKEN"})
"""The statuses of monitoring.verify_audit() that no ordinary use leads to."""

_STEP_SECONDS = 30.0
_BEGIN = (
    Request(
        name="begin",
        sql="begin transaction isolation level repeatable read, read only",
    ),
    # Rows that a policy would hide become an error instead of missing ones.
    Request(name="fail_on_policies", sql="set local row_security = off"),
    Request(name="wait_for_locks", sql="set local lock_timeout = '10s'"),
)
_DAYS = """
    select
        v.created_date as created_date,
        v.status as status,
        v.details as details
    from monitoring.verify_audit() as v
    order by v.created_date
"""
_SEALS = """
    select
        s.created_date as created_date,
        pg_catalog.encode(s.seal, 'hex') as seal
    from app_private.audit_seals as s
    where
        s.seal = %(noted)s
        or s.created_date = (
            select pg_catalog.max(n.created_date)
            from app_private.audit_seals as n
        )
    order by s.created_date
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDay:
    """One day (UTC) of the log, as monitoring.verify_audit() judges it."""

    created_date: date
    status: str
    details: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A day's seal, in hexadecimal digits."""

    created_date: date
    seal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found; `has_noted` is None where no seal was asked for."""

    days: tuple[AuditDay, ...]
    newest: Seal | None
    has_noted: bool | None

    @property
    def is_sound(self) -> bool:
        """Say whether nothing looks tampered with."""
        tampered = any(day.status in TAMPERED for day in self.days)
        return not tampered and self.has_noted is not False


async def seal(session: Session, up_to: date | None, *, seconds: float) -> int:
    """Seal the days that are over, up to one of them, and return how many.

    Raises:
        TargetError: there is no platform, the role is not its owner, or it took
            longer than `seconds`.
    """
    request = Request(
        name="seal_audit",
        sql="select monitoring.seal_audit(%(up_to)s) as days",
        parameters={"up_to": up_to},
    )
    match (await session.run(request, seconds=seconds)).rows:
        case ((int(days),),):
            return days
        case _:
            return 0


async def verify(
    session: Session, noted: bytes | None, *, seconds: float
) -> Verification:
    """Compare log and seals in one snapshot, and look for a seal noted elsewhere.

    Raises:
        TargetError: there is no platform, the role is not its owner, or it took
            longer than `seconds`.
    """
    for request in _BEGIN:
        await session.run(request, seconds=_STEP_SECONDS)
    try:
        judged = await session.run(
            Request(name="verify_audit", sql=_DAYS, row=AuditDay), seconds=seconds
        )
        found = await session.run(
            Request(
                name="audit_seals", sql=_SEALS, parameters={"noted": noted}, row=Seal
            ),
            seconds=_STEP_SECONDS,
        )
    finally:
        if session.is_open:
            await session.run(
                Request(name="end", sql="rollback"), seconds=_STEP_SECONDS
            )
    seals = [row for row in found.rows if isinstance(row, Seal)]
    return Verification(
        days=tuple(row for row in judged.rows if isinstance(row, AuditDay)),
        newest=seals[-1] if seals else None,
        has_noted=None if noted is None else noted.hex() in {s.seal for s in seals},
    )
