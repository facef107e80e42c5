"""Whether two logins are fit for probing: each may do what it is for, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.errors import TargetError
from monitor.model.persona import RlsOptions
from monitor.postgres.request import Request
from monitor.postgres.session import Session

_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRow:
    """A login as the server knows it, and where it is connected.

    `may` are the attributes that lift it above ordinary roles; `groups` are the
    roles that it is a member of itself; `reach` those it is a member of in the end,
    and `mighty` those of them that are above ordinary roles or predefined.
    Source: pg_roles, pg_auth_members, pg_stat_activity.
    """

    name: str
    may: tuple[str, ...]
    groups: tuple[str, ...]
    reach: tuple[str, ...]
    mighty: tuple[str, ...]
    server_started: datetime
    database: int
    backend_pid: int
    backend_started: datetime


_LOGIN = Request(
    name="probe_login",
    sql="""
        with recursive reach (oid) as (
            select m.roleid
            from pg_catalog.pg_auth_members as m
            inner join pg_catalog.pg_roles as r on r.oid = m.member
            where r.rolname = session_user
            union
            select m.roleid
            from reach as r
            inner join pg_catalog.pg_auth_members as m on m.member = r.oid
        ),

        roles as (
            select
                r.oid as oid,
                r.rolname::text as rolname,
                pg_catalog.array_remove(
                    array[
                        case when r.rolsuper then 'SUPERUSER' end,
                        case when r.rolbypassrls then 'BYPASSRLS' end,
                        case when r.rolcreaterole then 'CREATEROLE' end,
                        case when r.rolreplication then 'REPLICATION' end
                    ],
                    null
                ) as may
            from pg_catalog.pg_roles as r
        )

        select
            l.rolname as name,
            l.may as may,
            array(
                select pg_catalog.pg_get_userbyid(m.roleid)::text
                from pg_catalog.pg_auth_members as m
                where m.member = l.oid
                order by 1
            ) as groups,
            array(
                select r.rolname
                from roles as r
                where r.oid in (select h.oid from reach as h)
                order by 1
            ) as reach,
            array(
                select r.rolname
                from roles as r
                where r.oid in (select h.oid from reach as h)
                    and (r.may <> '{}' or r.rolname like 'pg\\_%')
                order by 1
            ) as mighty,
            pg_catalog.pg_postmaster_start_time() as server_started,
            a.datid::bigint as database,
            a.pid as backend_pid,
            a.backend_start as backend_started
        from roles as l
        inner join pg_catalog.pg_stat_activity as a
            on a.pid = pg_catalog.pg_backend_pid()
        where l.rolname = session_user
    """,
    row=LoginRow,
)


async def read(session: Session) -> LoginRow:
    """Return who is connected.

    Raises:
        TargetError: the server does not say.
    """
    reply = await session.run(_LOGIN, seconds=_SECONDS)
    for row in reply.rows:
        if isinstance(row, LoginRow):
            return row
    raise TargetError("the server does not know the role that is connected")


def termination(row: LoginRow) -> Request:
    """Return the statement that ends a login's own backend, if it is still there."""
    return Request(
        name="probe_termination",
        sql="""
            select pg_catalog.pg_terminate_backend(a.pid)
            from pg_catalog.pg_stat_activity as a
            where a.pid = %(pid)s
                and a.backend_start = %(started)s
                and a.usename = session_user
        """,
        parameters={"pid": row.backend_pid, "started": row.backend_started},
    )


def unfit(probe: LoginRow, bypass: LoginRow, *, options: RlsOptions) -> str:
    """Return why two logins cannot be probed with, in a sentence; empty if they can."""
    return (
        _unfit_together(probe, bypass)
        or _unfit_to_probe(probe, options)
        or _unfit_to_bypass(bypass, options)
    )


def _unfit_together(probe: LoginRow, bypass: LoginRow) -> str:
    if probe.name == bypass.name:
        return (
            f'"{probe.name}" is both logins: a policy\'s function could take the '
            "rights of the other side."
        )
    here = (probe.server_started, probe.database)
    if here != (bypass.server_started, bypass.database):
        return "The two logins are connected to different servers or databases."
    return ""


def _unfit_to_probe(probe: LoginRow, options: RlsOptions) -> str:
    personas = {persona.role for persona in options.personas}
    if probe.may:
        return f'The probe login "{probe.name}" has {", ".join(probe.may)}.'
    other = [name for name in probe.groups if name not in personas]
    if other:
        return (
            f'The probe login "{probe.name}" is a member of "{other[0]}", which is '
            "no persona's role."
        )
    if probe.mighty:
        return (
            f'The probe login "{probe.name}" can become "{probe.mighty[0]}", which '
            "is above ordinary roles."
        )
    return ""


def _unfit_to_bypass(bypass: LoginRow, options: RlsOptions) -> str:
    if "SUPERUSER" in bypass.may:
        return f'The bypass login "{bypass.name}" is a superuser.'
    if options.bypass_role and options.bypass_role not in bypass.reach:
        return (
            f'The bypass login "{bypass.name}" is not a member of '
            f'"{options.bypass_role}".'
        )
    return ""
