from __future__ import annotations

import asyncio

import psycopg
import pytest

from monitor.errors import MigrationError
from monitor.postgres.install import (
    Installed,
    install,
    install_local,
    print_sql,
    uninstall,
)
from monitor.postgres.migrate import Migrator
from monitor.postgres.migration_files import load_views
from tests.integration.postgres.schema import (
    PASSWORD,
    Admin,
    ensure_role,
    give_password,
    installed,
    manifest,
    rows,
    scalar,
    session_to,
)
from tests.servers import Cluster

NOTHING = Installed((), (), ())
TABLES = {
    "actions",
    "advice",
    "alerts",
    "findings",
    "performance_thresholds",
    "repeatables",
    "reports",
    "rls_observations",
    "samples",
    "schema_migrations",
    "schema_migrations_log",
}


@pytest.mark.pg("all")
@pytest.mark.requirement("X1")
async def test_two_installs_are_one(conninfo: str, admin: Admin) -> None:
    first = await installed(conninfo)
    once = await manifest(admin)

    second = await installed(conninfo)

    assert len(first.migrations) == 4
    assert second == NOTHING
    assert await manifest(admin) == once
    assert {
        name
        for (name,) in await rows(
            admin,
            "select relname from pg_class where relkind = 'r'"
            " and relnamespace = 'monitoring'::regnamespace",
        )
    } == TABLES


@pytest.mark.pg("all")
async def test_uninstall_leaves_nothing(conninfo: str, admin: Admin) -> None:
    before = await manifest(admin)
    await installed(conninfo)

    async with session_to(conninfo) as session:
        removed = await uninstall(session)
        again = await uninstall(session)

    assert (removed, again) == (True, False)
    assert await manifest(admin) == before


@pytest.mark.pg
async def test_the_printed_script_is_the_installation(
    conninfo: str, admin: Admin, major: int
) -> None:
    await installed(conninfo)
    by_installing = await manifest(admin)
    async with session_to(conninfo) as session:
        await uninstall(session)

    await admin.execute(print_sql(major).encode())

    # Only who is named as the grantor of the revokes may differ.
    assert await manifest(admin) == by_installing
    assert await installed(conninfo) == NOTHING


async def test_the_printed_script_changes_nothing_where_the_schema_is(
    conninfo: str, admin: Admin, major: int, database: str
) -> None:
    await installed(conninfo)
    before = await manifest(admin)

    with pytest.raises(psycopg.errors.DuplicateSchema):
        await admin.execute(print_sql(major).encode())
    await admin.execute("rollback")

    assert await manifest(admin) == before
    assert database


@pytest.mark.pg("all")
async def test_another_database_gets_the_local_views_only(
    conninfo: str, admin: Admin, major: int
) -> None:
    async with session_to(conninfo) as session:
        first = await install_local(session)
        second = await install_local(session)

    local = {v.name for v in load_views(major=major, scope="database")}
    assert set(first.views) == local
    assert second == NOTHING
    assert "table_performance" in local
    assert "check_performance_alerts" not in local
    tables = await rows(
        admin,
        "select relname from pg_class where relkind = 'r'"
        " and relnamespace = 'monitoring'::regnamespace",
    )
    assert tables == [("repeatables",)]
    for view in ("table_performance", "unused_indexes", "performance_summary"):
        await admin.execute(f"select * from monitoring.{view}".encode())

    async with session_to(conninfo) as session:
        assert await uninstall(session)


@pytest.mark.pg
async def test_an_ordinary_role_with_create_on_the_database_can_install(
    cluster: Cluster, database: str, admin: Admin
) -> None:
    await ensure_role(admin, "ordinary", "login nosuperuser")
    await give_password(admin, "ordinary")
    await admin.execute(f"grant create on database {database} to ordinary".encode())
    conninfo = cluster.conninfo(database, user="ordinary", password=PASSWORD)

    first = await installed(conninfo)
    second = await installed(conninfo)

    assert len(first.migrations) == 4
    assert second == NOTHING
    owners = await rows(
        admin,
        "select distinct pg_get_userbyid(relowner) from pg_class"
        " where relnamespace = 'monitoring'::regnamespace",
    )
    assert owners == [("ordinary",)]

    async with session_to(conninfo) as session:
        assert await uninstall(session)


async def test_a_role_without_create_is_told_so(
    cluster: Cluster, database: str, admin: Admin
) -> None:
    await ensure_role(admin, "powerless", "login nosuperuser")
    await give_password(admin, "powerless")

    with pytest.raises(MigrationError, match="could not create") as raised:
        await installed(cluster.conninfo(database, user="powerless", password=PASSWORD))

    assert "powerless" in raised.value.detail


@pytest.mark.pg
async def test_objects_belong_to_the_owner_role_where_it_may_create(
    conninfo: str, admin: Admin, database: str
) -> None:
    await ensure_role(admin, "pgvigil_owner", "nologin nosuperuser")
    await admin.execute(
        f"grant create on database {database} to pgvigil_owner".encode()
    )

    await installed(conninfo)

    owners = await rows(
        admin,
        "select distinct pg_get_userbyid(relowner) from pg_class"
        " where relnamespace = 'monitoring'::regnamespace"
        " union select pg_get_userbyid(nspowner) from pg_namespace"
        " where nspname = 'monitoring'",
    )
    assert owners == [("pgvigil_owner",)]
    async with session_to(conninfo) as session:
        assert await uninstall(session)


async def test_a_schema_of_someone_else_is_refused(conninfo: str, admin: Admin) -> None:
    await admin.execute("create schema monitoring")
    await admin.execute("create table monitoring.graphs (id int)")
    before = await manifest(admin)

    async with session_to(conninfo) as session:
        with pytest.raises(MigrationError, match="not of pgvigil"):
            await install(session)
        with pytest.raises(MigrationError, match="not of pgvigil"):
            await uninstall(session)

    assert await manifest(admin) == before


async def test_uninstall_takes_nothing_with_it_that_is_not_ours(
    conninfo: str, admin: Admin
) -> None:
    await installed(conninfo)
    await admin.execute("create table monitoring.notes (id int)")
    before = await manifest(admin)

    async with session_to(conninfo) as session:
        with pytest.raises(MigrationError, match="not of pgvigil") as raised:
            await uninstall(session)

    assert "notes" in raised.value.detail
    assert await manifest(admin) == before


async def test_uninstall_names_a_view_that_rests_on_ours(
    conninfo: str, admin: Admin
) -> None:
    await installed(conninfo)
    await admin.execute(
        "create view public.mine as select tablename from monitoring.table_performance"
    )
    before = await manifest(admin)

    async with session_to(conninfo) as session:
        with pytest.raises(MigrationError, match="rests on it") as raised:
            await uninstall(session)

    assert "view mine" in raised.value.detail or "public.mine" in raised.value.detail
    assert await manifest(admin) == before


@pytest.mark.pg
async def test_a_changed_view_is_replaced_in_place_and_keeps_what_rests_on_it(
    conninfo: str, admin: Admin
) -> None:
    await installed(conninfo)
    fresh = await manifest(admin)
    await admin.execute(
        "create view public.mine as select tablename from monitoring.table_performance"
    )
    await admin.execute(
        "update monitoring.repeatables set checksum = 'older'"
        " where name = 'table_performance'"
    )

    change = await installed(conninfo)
    await admin.execute("drop view public.mine")

    assert change.views == ("table_performance",)
    assert await manifest(admin) == fresh


@pytest.mark.pg
async def test_a_view_with_other_columns_is_made_again_with_all_that_needs_it(
    conninfo: str, admin: Admin
) -> None:
    await installed(conninfo)
    fresh = await manifest(admin)
    await admin.execute("drop view monitoring.table_performance")
    await admin.execute("create view monitoring.table_performance as select 1 as old")
    await admin.execute(
        "create function monitoring.automated_maintenance(text) returns int"
        " language sql as 'select 1'"
    )
    await admin.execute(
        "update monitoring.repeatables set checksum = 'older'"
        " where name in ('table_performance', 'automated_maintenance')"
    )

    await installed(conninfo)

    assert await manifest(admin) == fresh


async def test_an_overload_from_former_arguments_does_not_stay(
    conninfo: str, admin: Admin
) -> None:
    await installed(conninfo)
    fresh = await manifest(admin)
    await admin.execute(
        "create function monitoring.prune(text) returns int language sql as 'select 1'"
    )
    await admin.execute(
        "update monitoring.repeatables set checksum = 'older' where name = 'prune'"
    )

    await installed(conninfo)

    assert await manifest(admin) == fresh


@pytest.mark.pg
async def test_a_new_major_version_makes_every_view_again(
    conninfo: str, admin: Admin, major: int
) -> None:
    await installed(conninfo)
    await admin.execute(
        "update monitoring.repeatables set server_major = server_major - 1"
    )

    change = await installed(conninfo)

    assert set(change.views) == {
        v.name for v in load_views(major=major, scope="control")
    }
    assert await installed(conninfo) == NOTHING


async def test_a_view_no_longer_shipped_is_dropped(conninfo: str, admin: Admin) -> None:
    await installed(conninfo)
    fresh = await manifest(admin)
    await admin.execute("create view monitoring.former as select 1 as one")
    await admin.execute(
        "insert into monitoring.repeatables (name, kind, checksum, server_major)"
        " values ('former', 'view', 'x', 1)"
    )

    change = await installed(conninfo)

    assert change.dropped == ("former",)
    assert await manifest(admin) == fresh


@pytest.mark.pg
async def test_every_migration_goes_down_and_up_again(
    conninfo: str, admin: Admin
) -> None:
    await installed(conninfo)
    once = await manifest(admin)

    async with session_to(conninfo) as session:
        runner = Migrator(session, "monitoring")
        while (await runner.status())[0].condition == "applied":
            await runner.down(confirm=True)
        tables = await rows(
            admin,
            "select relname from pg_class where relkind = 'r' and"
            " relnamespace = 'monitoring'::regnamespace order by 1",
        )
        await install(session)

    assert [name for (name,) in tables] == [
        "repeatables",
        "schema_migrations",
        "schema_migrations_log",
    ]
    assert await manifest(admin) == once


async def test_two_installers_at_once_install_once(conninfo: str, admin: Admin) -> None:
    outcomes = await asyncio.gather(installed(conninfo), installed(conninfo))

    assert sorted(len(o.migrations) for o in outcomes) == [0, 4]
    assert await scalar(admin, "select count(*) from monitoring.schema_migrations") == 4


@pytest.mark.pg
@pytest.mark.requirement("S7.1.2-a")
@pytest.mark.requirement("X3")
async def test_api_roles_get_nothing_even_under_default_grants(
    conninfo: str, admin: Admin
) -> None:
    for role in ("anon", "authenticated", "service_role"):
        await ensure_role(admin, role)
        for kind in ("tables", "sequences", "functions", "schemas"):
            await admin.execute(
                f"alter default privileges grant all on {kind} to {role}".encode()
            )

    await installed(conninfo)

    granted = await rows(
        admin,
        """
        select c.oid::regclass::text from pg_class as c, aclexplode(c.relacl) as a
        where c.relnamespace = 'monitoring'::regnamespace
            and a.grantee in (0, 'anon'::regrole, 'authenticated'::regrole,
                'service_role'::regrole)
        union all
        select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace = 'monitoring'::regnamespace
            and (has_function_privilege('anon', p.oid, 'execute')
                or has_function_privilege('service_role', p.oid, 'execute'))
        union all
        select 'schema' where has_schema_privilege('anon', 'monitoring', 'usage')
        """,
    )
    assert granted == []


@pytest.mark.pg
@pytest.mark.requirement("X3")
@pytest.mark.requirement("S8.1.1-b")
async def test_anon_is_refused_everything(
    conninfo: str, admin: Admin, major: int
) -> None:
    await ensure_role(admin, "anon")
    await installed(conninfo)
    objects = [
        f"monitoring.{v.name}" if v.kind == "view" else f"monitoring.{v.name}()"
        for v in load_views(major=major, scope="control")
        if v.name not in {"is_managed_schema", "relation_bytes", "open_findings"}
        and v.name != "reporting_target"
    ] + [f"monitoring.{table}" for table in TABLES]

    for name in objects:
        async with admin.transaction(force_rollback=True):
            await admin.execute("set local role anon")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await admin.execute(f"select * from {name}".encode())
