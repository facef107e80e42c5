"""The platform laid down, taken back and laid down again, by both administrators."""

from __future__ import annotations

import psycopg
import pytest

from monitor.errors import MigrationError
from monitor.postgres import platform as installation
from monitor.postgres.install import Installed
from monitor.postgres.migrate import Migrator
from monitor.postgres.migration_files import load, shipped
from tests.integration.postgres.schema import (
    Admin,
    ensure_role,
    installed,
    rows,
    scalar,
)
from tests.platform import (
    AUTH_OWNER,
    Administrator,
    Platform,
    Templates,
    acting_as,
    add_user,
    copied,
    install,
    session_to,
)
from tests.servers import Cluster

BOTH = pytest.mark.parametrize("administrator", ["superuser", "tenant"])
FILES = [m.file for m in load(shipped("platform"))]

_AUTH = """
select c.oid::regclass::text, c.relacl::text, c.relowner::regrole::text
from pg_class as c
where c.relnamespace = 'auth'::regnamespace
union all
select p.oid::regprocedure::text, p.proacl::text, p.proowner::regrole::text
from pg_proc as p
where p.pronamespace = 'auth'::regnamespace
union all
select n.nspname, n.nspacl::text, n.nspowner::regrole::text
from pg_namespace as n
where n.nspname = 'auth'
union all
select tgname, tgenabled::text, ''
from pg_trigger
where tgrelid = 'auth.users'::regclass and not tgisinternal
order by 1
"""


@pytest.mark.pg(">=15")
@pytest.mark.requirement("X1")
@BOTH
async def test_a_second_installation_changes_nothing(
    cluster: Cluster, platform_templates: Templates, administrator: Administrator
) -> None:
    async with copied(cluster, platform_templates, administrator) as made:
        again = await install(made.conninfo, administrator)

    assert again == installation.InstalledPlatform(Installed((), (), ()), (), ())


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S2.1.1-a")
@BOTH
async def test_it_is_taken_back_and_laid_down_again(
    cluster: Cluster, platform_templates: Templates, administrator: Administrator
) -> None:
    async with copied(cluster, platform_templates, administrator) as made:
        async with session_to(made.conninfo) as session:
            taken_back = await Migrator(session, "platform").down("none", confirm=True)
        left = await rows(
            made.owner,
            "select n.nspname::text, c.relname::text from pg_class as c"
            " join pg_namespace as n on n.oid = c.relnamespace"
            " where n.nspname in ('public', 'app_private', 'app_partitions')"
            " and c.relkind in ('r', 'p', 'v', 'm', 'S')"
            " order by 2",
        )
        again = await install(made.conninfo, administrator)

    assert [m.file for m in taken_back] == FILES[::-1]
    assert left == [
        ("public", "schema_migrations"),
        ("public", "schema_migrations_log"),
    ]
    assert [*again.adopted, *again.migrations] == FILES


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S2.1.1-a")
async def test_an_existing_auth_is_neither_changed_nor_taken_back(
    platform_by_tenant: Platform,
) -> None:
    owner = platform_by_tenant.owner
    may_create = await scalar(owner, "select has_schema_privilege('auth', 'create')")
    user = await add_user(owner, email="a@example.org")
    before = await rows(owner, _AUTH)
    async with session_to(platform_by_tenant.conninfo) as session:
        await Migrator(session, "platform").down("none", confirm=True)

    taken_back = await rows(owner, _AUTH)

    assert may_create is False
    assert {row[2] for row in taken_back} == {AUTH_OWNER}
    # All that the platform adds are triggers on the users, as the vendor documents.
    assert {row[2] for row in before if row not in taken_back} <= {""}
    assert await scalar(owner, "select id from auth.users") == user
    assert await scalar(owner, "select count(*) from public.schema_migrations") == 0


@pytest.mark.pg(">=15")
async def test_the_administrator_owns_what_was_installed(
    platform_by_tenant: Platform,
) -> None:
    owners = await rows(
        platform_by_tenant.owner,
        "select distinct relowner::regrole::text from pg_class where relnamespace in"
        " ('public'::regnamespace, 'app_private'::regnamespace,"
        " 'app_partitions'::regnamespace, 'monitoring'::regnamespace)",
    )

    assert owners == [("platform_tenant",)]


@pytest.mark.pg(">=15")
@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.requirement("S7.1.2-a")
async def test_api_roles_can_do_nothing_with_the_records(
    platform_by_tenant: Platform, role: str
) -> None:
    """The hosted platform grants them everything new in schema public."""
    privileges = await rows(
        platform_by_tenant.owner,
        "select t.name, p.name"
        " from unnest(array['schema_migrations', 'schema_migrations_log']) as t (name)"
        " cross join unnest(array['select', 'insert', 'update', 'delete',"
        " 'truncate', 'references', 'trigger']) as p (name)"
        " where has_table_privilege(%s, 'public.' || t.name, p.name)",
        role,
    )
    is_secured = await rows(
        platform_by_tenant.owner,
        "select relrowsecurity from pg_class where relname ~ '^schema_migrations'"
        " and relkind = 'r' and relnamespace = 'public'::regnamespace",
    )

    assert privileges == []
    assert is_secured == [(True,), (True,)]


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S7.1.2-a")
async def test_a_rollback_script_cannot_be_planted(
    platform_by_tenant: Platform,
) -> None:
    owner = platform_by_tenant.owner

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with acting_as(owner, None, "anon"):
            await owner.execute(
                "insert into public.schema_migrations"
                " (version, name, rollback_sql, kind, server_version)"
                " values ('zzz', 'planted', 'drop table x', 'baseline', 0)"
            )


@pytest.mark.requirement("S7.1.2-a")
async def test_a_changed_stored_script_is_not_run(platform: Platform) -> None:
    newest = FILES[-1][:3]
    await platform.owner.execute(
        "update public.schema_migrations set rollback_sql = 'drop schema auth cascade'"
        " where version = %s",
        [newest],
    )

    async with session_to(platform.conninfo) as session:
        with pytest.raises(MigrationError, match="was changed after it was applied"):
            await Migrator(session, "platform").down(confirm=True)

    assert await scalar(platform.owner, "select to_regclass('auth.users')")


async def test_the_shim_serves_two_databases_of_a_server(
    platform: Platform, cluster: Cluster, conninfo: str
) -> None:
    await install(conninfo, "superuser")

    async with session_to(platform.conninfo) as session:
        await Migrator(session, "platform").down("none", confirm=True)

    roles = await rows(
        platform.owner,
        "select rolname::text, rolbypassrls from pg_roles where rolname in"
        " ('anon', 'authenticated', 'authenticator', 'service_role') order by 1",
    )
    assert cluster
    assert roles == [
        ("anon", False),
        ("authenticated", False),
        ("authenticator", False),
        ("service_role", True),
    ]


@pytest.mark.requirement("X3")
async def test_monitoring_roles_get_nothing_of_the_platform_in_schema_monitoring(
    platform: Platform,
) -> None:
    await ensure_role(platform.owner, "pgvigil_reader")

    await install(platform.conninfo, "superuser")

    executable = await rows(
        platform.owner,
        "select proname::text from pg_proc"
        " where pronamespace = 'monitoring'::regnamespace"
        " and has_function_privilege('pgvigil_reader', oid, 'execute')"
        " and prorettype <> 'trigger'::regtype"
        " and proname not in (select name from monitoring.repeatables)"
        " order by 1",
    )
    # Sums and counts for its metrics, no rows.
    assert executable == [
        ("answer_figures",),
        ("assignment_figures",),
        ("conversation_figures",),
        ("storage_figures",),
    ]
    assert not await scalar(
        platform.owner,
        "select has_table_privilege('pgvigil_reader', 'monitoring.operations_log',"
        " 'select')",
    )
    assert await scalar(
        platform.owner,
        "select has_table_privilege('pgvigil_reader', 'monitoring.reports', 'insert')",
    )


async def test_it_joins_a_schema_monitoring_of_another_role(
    conninfo: str, admin: Admin, database: str
) -> None:
    await ensure_role(admin, "pgvigil_owner")
    await admin.execute(
        f"grant create on database {database} to pgvigil_owner".encode()
    )
    await installed(conninfo)

    await install(conninfo, "superuser")
    second = await install(conninfo, "superuser")

    owners = await rows(
        admin,
        "select distinct relowner::regrole::text from pg_class"
        " where relnamespace = 'monitoring'::regnamespace order by 1",
    )
    assert owners == [("pgvigil_owner",), ("postgres",)]
    assert second.monitoring == Installed((), (), ())


async def test_what_an_outsider_put_into_schema_monitoring_is_not_trusted(
    conninfo: str, admin: Admin
) -> None:
    await installed(conninfo)
    await ensure_role(admin, "outsider")
    await admin.execute("grant create, usage on schema monitoring to outsider")
    await admin.execute("set role outsider")
    await admin.execute("create table monitoring.trap (id integer)")
    await admin.execute("reset role")

    with pytest.raises(MigrationError, match="in the hands of"):
        await install(conninfo, "superuser")
