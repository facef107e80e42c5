"""The platform in a database of its own, by either kind of administrator.

It is installed once a session, version and administrator into a template; a test
gets a copy. Cases of one test are best rolled back:

    async with platform.owner.transaction(force_rollback=True):
        user = await add_user(platform.owner, email="a@example.org")
        async with acting_as(platform.owner, user):
            ...

`MONITOR_TEST_PLATFORM` names a folder of migrations to use instead of the shipped
ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from monitor.model.target import Credentials
from monitor.postgres import platform as installation
from monitor.postgres.migration_files import load, shipped
from monitor.postgres.platform import InstalledPlatform
from monitor.postgres.session import Purpose, Session
from tests.servers import Cluster, Servers

Connection = psycopg.AsyncConnection[Any]
Administrator = Literal["superuser", "tenant"]

TENANT = "platform_tenant"
TENANT_PASSWORD = "only for tests"
AUTH_OWNER = "auth_service"
API_ROLES = ("anon", "authenticated", "service_role")

_ROLES = """
do $$
begin
    if pg_catalog.to_regrole('auth_service') is null then
        create role auth_service nologin noinherit;
    end if;
    if pg_catalog.to_regrole('platform_tenant') is null then
        create role platform_tenant login nosuperuser createrole createdb bypassrls;
    end if;
end
$$;
grant pg_monitor, anon, authenticated, service_role to platform_tenant;
"""
# What a hosted platform gives: all on the users, nothing of the schema itself, and
# everything new in schema public to the roles of its REST gateway.
_SURROUNDINGS = """
alter schema auth owner to auth_service;
alter table auth.users owner to auth_service;
alter function auth.uid() owner to auth_service;
alter function auth.jwt() owner to auth_service;
alter function auth.role() owner to auth_service;
grant execute on all functions in schema auth to public;
grant usage on schema auth to platform_tenant;
grant select, insert, update, delete, references, trigger
on auth.users to platform_tenant;
grant create, usage on schema public to platform_tenant;
alter default privileges for role platform_tenant in schema public
grant all on tables to anon, authenticated, service_role;
alter default privileges for role platform_tenant in schema public
grant all on sequences to anon, authenticated, service_role;
alter default privileges for role platform_tenant in schema public
grant all on functions to anon, authenticated, service_role;
"""


@dataclass(frozen=True, slots=True)
class Platform:
    """An installed platform; `owner` is its administrator's connection, autocommit.

    `conninfo` is the administrator's, `admin_conninfo` the superuser's way in.
    """

    administrator: Administrator
    database: str
    conninfo: str
    admin_conninfo: str
    owner: Connection


class Templates:
    """The session's template databases."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, int, Administrator], str] = {}
        self._cleanups: list[tuple[str, str]] = []

    async def get(self, cluster: Cluster, administrator: Administrator) -> str:
        """Return the name of a database with the platform and nobody connected."""
        key = (cluster.host, cluster.port, administrator)
        if key not in self._names:
            name = f"platform_{administrator}_{secrets.token_hex(4)}"
            await create_database(cluster, name)
            self._cleanups.append((cluster.conninfo(), name))
            if administrator == "tenant":
                await prepare_tenant(cluster, name)
            await install(conninfo_of(cluster, name, administrator), administrator)
            self._names[key] = name
        return self._names[key]

    def close(self) -> None:
        """Drop them."""
        for conninfo, name in self._cleanups:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                connection.execute(
                    sql.SQL("drop database {} with (force)").format(
                        sql.Identifier(name)
                    )
                )


@pytest.fixture(scope="session")
def platform_templates(running_servers: Servers) -> Iterator[Templates]:
    """Hold the installed templates; they go before their servers do."""
    assert running_servers
    templates = Templates()
    yield templates
    templates.close()


@pytest.fixture
async def platform(
    cluster: Cluster, platform_templates: Templates
) -> AsyncIterator[Platform]:
    """Return the platform as a superuser installed it, with the shim."""
    async with copied(cluster, platform_templates, "superuser") as made:
        yield made


@pytest.fixture
async def platform_by_tenant(
    cluster: Cluster, platform_templates: Templates
) -> AsyncIterator[Platform]:
    """Return it as a tenant's administrator installed it on a hosted platform."""
    async with copied(cluster, platform_templates, "tenant") as made:
        yield made


@asynccontextmanager
async def copied(
    cluster: Cluster, templates: Templates, administrator: Administrator
) -> AsyncGenerator[Platform]:
    """Yield a platform in a database of its own, dropped afterwards."""
    template = await templates.get(cluster, administrator)
    name = f"test_{secrets.token_hex(6)}"
    await create_database(cluster, name, template=template)
    if administrator == "tenant":
        await let_tenant_create(cluster, name)
    conninfo = conninfo_of(cluster, name, administrator)
    try:
        async with await psycopg.AsyncConnection.connect(
            conninfo, autocommit=True
        ) as owner:
            yield Platform(administrator, name, conninfo, cluster.conninfo(name), owner)
    finally:
        await drop_database(cluster, name)


async def create_database(
    cluster: Cluster, name: str, *, template: str = "template0"
) -> None:
    """Create a database; whoever just left the template may still be leaving."""
    statement = sql.SQL("create database {} template {}").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    async with await psycopg.AsyncConnection.connect(
        cluster.conninfo(), autocommit=True
    ) as connection:
        for _ in range(50):
            try:
                await connection.execute(statement)
            except psycopg.errors.ObjectInUse:
                await asyncio.sleep(0.1)
            else:
                return
        await connection.execute(statement)


async def drop_database(cluster: Cluster, name: str) -> None:
    """Drop a database, whoever is connected."""
    async with await psycopg.AsyncConnection.connect(
        cluster.conninfo(), autocommit=True
    ) as connection:
        await connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(
                sql.Identifier(name)
            )
        )


def conninfo_of(cluster: Cluster, database: str, administrator: Administrator) -> str:
    """Return an administrator's way into a database."""
    if administrator == "superuser":
        return cluster.conninfo(database)
    return cluster.conninfo(database, user=TENANT, password=TENANT_PASSWORD)


async def prepare_tenant(cluster: Cluster, database: str) -> None:
    """Make an empty database look like a hosted one, and its administrator."""
    shim = load(shipped(installation.SET))[0]
    async with await psycopg.AsyncConnection.connect(
        cluster.conninfo(database), autocommit=True
    ) as admin:
        await admin.execute(shim.sql.encode())
        await admin.execute(_ROLES)
        await admin.execute(_SURROUNDINGS)
        await admin.execute(
            sql.SQL("alter role {} password {}").format(
                sql.Identifier(TENANT), sql.Literal(TENANT_PASSWORD)
            )
        )
    await let_tenant_create(cluster, database)


async def let_tenant_create(cluster: Cluster, database: str) -> None:
    """Grant what a database does not take over from its template."""
    statement = sql.SQL("grant create on database {} to {}").format(
        sql.Identifier(database), sql.Identifier(TENANT)
    )
    async with await psycopg.AsyncConnection.connect(
        cluster.conninfo(database), autocommit=True
    ) as admin:
        await admin.execute(statement)


async def install(
    conninfo: str, administrator: Administrator, folder: Path | None = None
) -> InstalledPlatform:
    """Install the platform as the role of a connection string."""
    chosen = os.environ.get("MONITOR_TEST_PLATFORM")
    async with session_to(conninfo) as session:
        return await installation.install(
            session,
            with_auth_shim=administrator == "superuser",
            folder=folder or (Path(chosen) if chosen else None),
        )


@asynccontextmanager
async def session_to(conninfo: str) -> AsyncGenerator[Session]:
    """Yield a session that may change a schema."""
    session = await Session.open(
        Credentials(conninfo=conninfo), purpose=Purpose.ACT, instance="test"
    )
    try:
        yield session
    finally:
        await session.close()


async def add_user(
    connection: Connection,
    *,
    email: str,
    role: str = "user",
    organization: UUID | None = None,
    active: bool = True,
) -> UUID:
    """Create an account with its profile, as its administrator, and return its id."""
    user_id = uuid4()
    async with connection.transaction():
        await connection.execute(
            "insert into auth.users (id, email) values (%s, %s)", [user_id, email]
        )
        # A trigger on auth.users may have made the profile.
        await connection.execute(
            """
            insert into public.user_profiles as p (
                id,
                email,
                role,
                organization_id,
                is_active
            )
            values (
                %(id)s,
                %(email)s,
                %(role)s::public.user_role,
                %(organization)s,
                %(active)s
            )
            on conflict (id) do update set
                role = excluded.role,
                organization_id = excluded.organization_id,
                is_active = excluded.is_active
            """,
            {
                "id": user_id,
                "email": email,
                "role": role,
                "organization": organization,
                "active": active,
            },
        )
    return user_id


async def add_organization(connection: Connection, *, name: str) -> UUID:
    """Create an active organization and return its id."""
    cursor = await connection.execute(
        "insert into public.organizations (name, display_name) values (%s, %s)"
        " returning id",
        [name, name.title()],
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


@asynccontextmanager
async def acting_as(
    connection: Connection, user_id: UUID | None, role: str = "authenticated"
) -> AsyncGenerator[None]:
    """Act within a transaction as a REST gateway does for a user's request.

    Committed at the end, unless an enclosing transaction decides otherwise.
    """
    claims: dict[str, str] = {"role": role}
    if user_id is not None:
        claims["sub"] = str(user_id)
    async with connection.transaction():
        cursor = await connection.execute(
            "select current_setting('role'),"
            " coalesce(current_setting('request.jwt.claims', true), '')"
        )
        before = await cursor.fetchone()
        assert before is not None
        await _become(connection, role, json.dumps(claims))
        yield
        # In a nested transaction the settings would stay until the outer one ends.
        await _become(connection, *before)


async def _become(connection: Connection, role: str, claims: str) -> None:
    await connection.execute(
        "select set_config('role', %s, true),"
        " set_config('request.jwt.claims', %s, true)",
        [role, claims],
    )
