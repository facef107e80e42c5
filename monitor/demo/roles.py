"""Gives the demo's server what an administrator would: roles and schema monitoring."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import psycopg
from psycopg import sql

from monitor.demo.build import connect
from monitor.demo.schema import DATABASE
from monitor.model.target import Credentials
from monitor.postgres.grants import (
    BYPASS,
    DDL,
    DEFAULT_ROLES,
    MAINTAINER,
    PROBE,
    READER,
    GrantPlan,
    grant_scripts,
)
from monitor.postgres.install import install
from monitor.postgres.session import Purpose, Session
from monitor.postgres.throwaway import ThrowawayServer
from monitor.postgres.translate import translate

LOGINS = (READER, MAINTAINER, DDL, PROBE, BYPASS)
PERSONA_ROLE = "authenticated"
BYPASS_ROLE = "service_role"
_VERSIONS_A_MAJOR = 10_000


@dataclass(frozen=True, slots=True)
class Logins:
    """The password of each of pgvigil's logins."""

    passwords: dict[str, str]

    def __repr__(self) -> str:
        return "Logins()"


async def prepare(server: ThrowawayServer) -> Logins:
    """Run what `print-grants` prints, then `install`, as a superuser.

    Raises:
        TargetError: the server refused a statement.
        MigrationError: the schema could not be installed.
    """
    passwords = {role: secrets.token_urlsafe(16) for role in LOGINS}
    try:
        async with await connect(server.conninfo(DATABASE)) as connection:
            plan = GrantPlan(
                version=connection.info.server_version // _VERSIONS_A_MAJOR,
                databases=(DATABASE,),
                roles=(*DEFAULT_ROLES, PROBE, BYPASS),
                personas=(PERSONA_ROLE,),
                bypassing=BYPASS_ROLE,
                owners=("app_owner",),
                schemas=("app",),
            )
            for script in grant_scripts(plan).values():
                await connection.execute(script.encode())
            for role, password in passwords.items():
                name = sql.Identifier(role)
                await connection.execute(
                    sql.SQL("alter role {} password {}").format(name, password)
                )
    except psycopg.Error as error:
        raise translate(error, what="create the demo's roles") from error
    await _install(server)
    return Logins(passwords)


async def _install(server: ThrowawayServer) -> None:
    session = await Session.open(
        Credentials(conninfo=server.conninfo(DATABASE)),
        purpose=Purpose.ACT,
        instance="demo",
    )
    try:
        await install(session)
    finally:
        await session.close()
