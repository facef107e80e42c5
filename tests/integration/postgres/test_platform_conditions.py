"""Where the platform cannot be installed: said clearly, before anything changes."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from monitor.errors import MigrationError
from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.integration.postgres.schema import (
    PASSWORD,
    Admin,
    ensure_role,
    give_password,
    manifest,
    scalar,
)
from tests.platform import (
    TENANT,
    Platform,
    conninfo_of,
    install,
    let_tenant_create,
    prepare_tenant,
)
from tests.poolers import pgbouncer
from tests.servers import Cluster
from tests.standby import pair


@pytest.fixture
async def hosted(cluster: Cluster, database: str) -> str:
    """Return the tenant's way into an empty database of a hosted platform."""
    await prepare_tenant(cluster, database)
    return conninfo_of(cluster, database, "tenant")


async def refusal(conninfo: str, *, with_auth_shim: bool = False) -> MigrationError:
    with pytest.raises(MigrationError) as caught:
        await install(conninfo, "superuser" if with_auth_shim else "tenant")
    return caught.value


@pytest.mark.pg("<15")
async def test_a_server_before_15_is_too_old(conninfo: str, major: int) -> None:
    error = await refusal(conninfo, with_auth_shim=True)

    assert error.message == f"cannot install the platform on PostgreSQL {major}"


FOREIGN = {
    "Rails": "version varchar primary key",
    "Ecto": "version bigint primary key, inserted_at timestamp",
    "golang-migrate": "version bigint primary key, dirty boolean not null",
}


@pytest.mark.parametrize("tool", FOREIGN)
async def test_the_records_of_another_tool_are_not_touched(
    conninfo: str, admin: Admin, tool: str
) -> None:
    await admin.execute(
        f"create table public.schema_migrations ({FOREIGN[tool]})".encode()
    )
    before = await manifest(admin)

    error = await refusal(conninfo, with_auth_shim=True)

    assert error.message == 'table "public.schema_migrations" belongs to another tool'
    assert await manifest(admin) == before


async def test_without_auth_nothing_is_made_up(conninfo: str, admin: Admin) -> None:
    before = await manifest(admin)

    error = await refusal(conninfo)

    assert error.message == 'there is no schema "auth" in this database'
    assert "--with-auth-shim" in error.hint
    assert await manifest(admin) == before


@pytest.mark.requirement("S2.1.1-a")
async def test_a_schema_auth_of_something_else_is_left_alone(
    conninfo: str, admin: Admin
) -> None:
    await admin.execute("create schema auth")
    await admin.execute("create table auth.users (name text)")
    before = await manifest(admin)

    error = await refusal(conninfo, with_auth_shim=True)

    assert error.detail == (
        "It lacks function auth.uid() and function auth.jwt() and function auth.role()."
    )
    assert await manifest(admin) == before


PRIVILEGES = {
    "revoke create on database {database} from {tenant}": (
        "grant create on database {database} to {tenant};"
    ),
    "revoke create on schema public from {tenant}": (
        "grant create on schema public to {tenant};"
    ),
    "revoke usage on schema auth from public, anon, authenticated, service_role,"
    " {tenant}": ("grant usage on schema auth to {tenant};"),
    "revoke references on auth.users from {tenant}": (
        "grant references on auth.users to {tenant};"
    ),
    "revoke trigger on auth.users from {tenant}": (
        "grant trigger on auth.users to {tenant};"
    ),
    "create schema monitoring": "grant create on schema monitoring to {tenant};",
}


@pytest.mark.pg(">=15")
@pytest.mark.parametrize("change", PRIVILEGES)
async def test_a_missing_privilege_is_named_with_its_grant(
    hosted: str, admin: Admin, database: str, change: str
) -> None:
    names = {"database": database, "tenant": TENANT}
    await admin.execute(change.format(**names).encode())

    error = await refusal(hosted)

    assert error.message == f'role "{TENANT}" lacks privileges to install the platform'
    assert error.hint == (
        f"Run as the objects' owner: {PRIVILEGES[change].format(**names)}"
    )
    assert await scalar(admin, "select to_regclass('public.schema_migrations')") is None


async def test_a_role_under_policies_cannot_own_them(
    hosted: str, cluster: Cluster, admin: Admin, database: str
) -> None:
    await ensure_role(admin, "under_policies", "login nosuperuser nobypassrls")
    await give_password(admin, "under_policies")
    assert hosted

    error = await refusal(cluster.conninfo(database, "under_policies", PASSWORD))

    assert error.message == 'cannot install the platform as role "under_policies"'
    assert "BYPASSRLS" in error.hint


async def test_api_roles_are_not_made_up_beside_an_auth() -> None:
    with ThrowawayServer({}, binaries=servers.binaries(18)) as server:
        async with await psycopg.AsyncConnection.connect(
            server.conninfo(), autocommit=True
        ) as admin:
            await admin.execute("create schema auth")
            await admin.execute("create table auth.users (id uuid primary key)")
            for name in ("uid", "jwt", "role"):
                await admin.execute(
                    sql.SQL(
                        "create function auth.{}() returns int return null::int"
                    ).format(sql.Identifier(name))
                )
            await ensure_role(admin, "ordinary", "login bypassrls")
            await give_password(admin, "ordinary")
            await admin.execute("create database empty")

        beside_auth = await refusal(server.conninfo())
        without_right = await refusal(
            server.conninfo("empty", "ordinary", PASSWORD), with_auth_shim=True
        )

    assert beside_auth.message == "API roles are missing"
    assert beside_auth.detail == ("There is no role anon, authenticated, service_role.")
    assert without_right.message == 'role "ordinary" cannot create roles'


async def test_through_a_transaction_pooler_nothing_is_installed(
    conninfo: str, admin: Admin
) -> None:
    before = await manifest(admin)

    with pgbouncer(conninfo, "transaction") as pooler:
        error = await refusal(pooler.conninfo, with_auth_shim=True)

    assert error.message == "cannot change a schema through a transaction pooler"
    assert await manifest(admin) == before


async def test_a_standby_is_refused() -> None:
    with pair(18) as servers_pair:
        error = await refusal(servers_pair.standby_conninfo, with_auth_shim=True)

    assert error.message == "cannot install the platform on a standby"


@pytest.mark.pg(">=15")
async def test_a_later_installation_needs_no_right_to_create(
    platform_by_tenant: Platform, cluster: Cluster
) -> None:
    database = platform_by_tenant.database
    async with await psycopg.AsyncConnection.connect(
        platform_by_tenant.admin_conninfo, autocommit=True
    ) as admin:
        await admin.execute(
            f"revoke create on database {database} from {TENANT}".encode()
        )

    done = await install(platform_by_tenant.conninfo, "tenant")
    await let_tenant_create(cluster, database)

    assert done.migrations == ()
