from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest
from psycopg import sql

from monitor.postgres.grants import (
    DDL,
    MAINTAINER,
    OWNER,
    READER,
    GrantPlan,
    grant_scripts,
    print_grants,
)
from monitor.postgres.install import uninstall
from monitor.postgres.migrate import Migrator
from tests.integration.postgres.schema import (
    PASSWORD,
    Admin,
    ensure_role,
    give_password,
    installed,
    rows,
    scalar,
    session_to,
)
from tests.servers import READER_PASSWORD, Cluster

APP_OWNER = "grants_app_owner"
JOURNAL_ENTRY = """
    insert into monitoring.actions (
        kind, target, datname, schemaname, objname, oid, mode, state, sql, lock,
        reason, actor
    )
    values ('x', 't', 'd', 's', 'o', 0, 'auto', 'approved', 'drop it', 'l', 'r', 'a')
"""


class Roles:
    """A database with an application's table, the roles, and a way in for each."""

    def __init__(self, cluster: Cluster, database: str, stack: AsyncExitStack) -> None:
        self._cluster = cluster
        self._database = database
        self._stack = stack

    async def login(self, role: str) -> Admin:
        password = READER_PASSWORD if role == READER else PASSWORD
        connection = await psycopg.AsyncConnection.connect(
            self._cluster.conninfo(self._database, user=role, password=password),
            autocommit=True,
        )
        return await self._stack.enter_async_context(connection)


@pytest.fixture
async def roles(
    cluster: Cluster, database: str, admin: Admin, conninfo: str, major: int
) -> AsyncIterator[Roles]:
    await ensure_role(admin, APP_OWNER)
    await admin.execute(f"grant create on schema public to {APP_OWNER}".encode())
    await admin.execute("create table public.orders (id int primary key, note text)")
    await admin.execute(
        "insert into orders select g, 'secret' from generate_series(1, 100) g"
    )
    await admin.execute(f"alter table public.orders owner to {APP_OWNER}".encode())
    await installed(conninfo)
    plan = GrantPlan(version=major, databases=(database,), owners=(APP_OWNER,))
    for script in grant_scripts(plan).values():
        await admin.execute(script.encode())
    for role in (MAINTAINER, DDL):
        await give_password(admin, role)
    await admin.execute(
        sql.SQL("alter role {} password {}").format(
            sql.Identifier(READER), sql.Literal(READER_PASSWORD)
        )
    )
    async with AsyncExitStack() as stack:
        yield Roles(cluster, database, stack)
    await admin.execute(f"alter role {READER} connection limit -1".encode())


async def refused(connection: Admin, query: Any) -> bool:
    try:
        await connection.execute(query)
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


@pytest.mark.pg("all")
@pytest.mark.promise(16)
async def test_the_reader_sees_all_statistics_and_no_table_data(roles: Roles) -> None:
    reader = await roles.login(READER)

    assert await scalar(
        reader,
        "select bool_and(query <> '<insufficient privilege>') from pg_stat_statements",
    )
    assert await scalar(reader, "select count(*) from pg_stat_activity") > 0
    assert await scalar(reader, "select pg_has_role('pg_read_all_settings', 'usage')")
    assert await refused(reader, "select note from public.orders")
    assert await refused(reader, "select pg_stat_reset()")
    assert await refused(reader, "select pg_read_file('postgresql.conf')")
    assert await refused(reader, "copy (select 1) to program 'true'")


@pytest.mark.pg("all")
@pytest.mark.promise(16)
async def test_the_reader_changes_nothing_but_its_reports(roles: Roles) -> None:
    reader = await roles.login(READER)

    for statement in (
        "update public.orders set note = ''",
        "create schema mine",
        "drop index public.orders_pkey",
        "update monitoring.performance_thresholds set warning_threshold = 1",
        "delete from monitoring.schema_migrations",
        JOURNAL_ENTRY,
        "create table monitoring.mine ()",
        "create function monitoring.mine() returns int language sql as 'select 1'",
    ):
        assert await refused(reader, statement.encode()), statement
    await reader.execute(
        "insert into monitoring.reports values ('t', 'samples', now(), now())"
    )
    await reader.execute("select * from monitoring.actions")
    await reader.execute("select * from monitoring.table_performance")
    await reader.execute("select * from monitoring.check_performance_alerts()")
    await reader.execute("select monitoring.prune()")


@pytest.mark.pg("all")
@pytest.mark.promise(16)
async def test_the_maintainer_vacuums_and_sees_no_table_data(
    roles: Roles, admin: Admin, major: int
) -> None:
    maintainer = await roles.login(MAINTAINER)

    await maintainer.execute("vacuum analyze public.orders")
    await maintainer.execute("reindex index concurrently public.orders_pkey")

    await admin.execute("select pg_stat_clear_snapshot()")
    assert await scalar(
        admin,
        "select analyze_count >= 0 from pg_stat_user_tables where relname='orders'",
    )
    assert (
        await scalar(admin, "select reltuples from pg_class where relname='orders'")
    ) == 100
    if major >= 17:
        assert await refused(maintainer, "select note from public.orders")
        assert await refused(maintainer, "create index on public.orders (note)")
    assert await refused(maintainer, "create schema mine")
    await maintainer.execute(JOURNAL_ENTRY.encode())


@pytest.mark.pg("all")
@pytest.mark.promise(16)
async def test_the_index_role_acts_only_after_becoming_the_owner(roles: Roles) -> None:
    ddl = await roles.login(DDL)

    assert await refused(ddl, "create index on public.orders (note)")
    assert await refused(ddl, "select note from public.orders")
    await ddl.execute(f"set role {APP_OWNER}".encode())
    await ddl.execute("create index concurrently by_note on public.orders (note)")
    await ddl.execute("drop index concurrently public.by_note")
    await ddl.execute("reset role")
    await ddl.execute("select * from monitoring.actions")
    assert await refused(ddl, "set role postgres")


@pytest.mark.pg("all")
@pytest.mark.promise(16)
async def test_the_roles_own_nothing_and_have_no_attribute(
    roles: Roles, admin: Admin
) -> None:
    await roles.login(READER)

    found = await rows(
        admin,
        "select rolname, rolcanlogin, rolconnlimit from pg_roles"
        " where rolname = any (%s)"
        " and not (rolsuper or rolcreatedb or rolcreaterole or rolreplication"
        " or rolbypassrls) order by 1",
        [OWNER, READER, MAINTAINER, DDL],
    )
    owned = await rows(
        admin,
        "select relname from pg_class where relowner in"
        " (select oid from pg_roles where rolname = any (%s))",
        [OWNER, READER, MAINTAINER, DDL],
    )

    assert found == [
        (DDL, True, 2),
        (MAINTAINER, True, 2),
        (OWNER, False, -1),
        (READER, True, 4),
    ]
    assert owned == []


@pytest.mark.pg(">=17")
@pytest.mark.promise(16)
async def test_maintenance_can_be_narrowed_to_schemas(
    roles: Roles, admin: Admin, database: str, major: int
) -> None:
    await admin.execute("create schema sales create table sales.bills ()")
    plan = GrantPlan(
        version=major,
        databases=(database,),
        roles=(MAINTAINER,),
        owners=(APP_OWNER,),
        schemas=("sales",),
    )
    for script in grant_scripts(plan).values():
        await admin.execute(script.encode())
    await admin.execute(f"revoke pg_maintain from {MAINTAINER}".encode())
    await admin.execute(f"grant create, usage on schema sales to {APP_OWNER}".encode())
    async with admin.transaction():
        await admin.execute(f"set local role {APP_OWNER}".encode())
        await admin.execute("create table sales.later ()")
    maintainer = await roles.login(MAINTAINER)

    may = await rows(
        maintainer,
        "select relname, has_table_privilege(oid, 'maintain') from pg_class"
        " where relname = any (%s) order by 1",
        ["bills", "later", "orders"],
    )
    await maintainer.execute("analyze sales.bills")

    assert may == [("bills", True), ("later", True), ("orders", False)]


@pytest.mark.pg
@pytest.mark.promise(16)
async def test_a_grant_that_is_taken_away_is_missed(roles: Roles, admin: Admin) -> None:
    reader = await roles.login(READER)
    await admin.execute(f"revoke pg_monitor from {READER}".encode())
    try:
        assert await scalar(
            reader,
            "select bool_or(query like '<insufficient%%') from pg_stat_statements"
            " where userid <> %s::regrole",
            READER,
        )
        assert await refused(reader, "select pg_ls_waldir()")
    finally:
        await admin.execute(f"grant pg_monitor to {READER}".encode())
    await admin.execute(f"revoke usage on schema monitoring from {READER}".encode())

    assert await refused(reader, "select * from monitoring.samples")


@pytest.mark.pg
async def test_the_text_can_be_run_again_and_mends_a_changed_role(
    roles: Roles, admin: Admin, database: str, major: int
) -> None:
    await roles.login(READER)
    await admin.execute(f"alter role {MAINTAINER} superuser createrole".encode())

    plan = GrantPlan(version=major, databases=(database,), owners=(APP_OWNER,))
    for script in grant_scripts(plan).values():
        await admin.execute(script.encode())

    assert not await scalar(
        admin,
        "select rolsuper or rolcreaterole from pg_roles where rolname = %s",
        MAINTAINER,
    )


@pytest.mark.pg
async def test_the_owner_of_the_schema_is_the_owner_role(
    roles: Roles, admin: Admin, conninfo: str
) -> None:
    await roles.login(READER)
    async with session_to(conninfo) as session:
        await uninstall(session)

    await installed(conninfo)

    found = await scalar(
        admin,
        "select pg_get_userbyid(nspowner) from pg_namespace where nspname='monitoring'",
    )
    assert found == OWNER
    async with session_to(conninfo) as session:
        await uninstall(session)


@pytest.mark.pg
async def test_tables_of_a_later_migration_are_granted_and_owned_alike(
    roles: Roles, admin: Admin, conninfo: str
) -> None:
    async with session_to(conninfo) as session:
        runner = Migrator(session, "monitoring")
        await runner.down("002", confirm=True)
        await runner.up()
    maintainer = await roles.login(MAINTAINER)

    await maintainer.execute(JOURNAL_ENTRY.encode())

    owners = await rows(
        admin,
        "select distinct relowner from pg_class"
        " where relnamespace = 'monitoring'::regnamespace",
    )
    assert len(owners) == 1


@pytest.mark.pg
async def test_psql_runs_the_text_whatever_the_database_is_called(
    cluster: Cluster, admin: Admin, major: int
) -> None:
    psql = shutil.which("psql")
    if psql is None:
        pytest.skip("psql is not installed")
    name = "it's a=\"b\\"
    await admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    try:
        plan = GrantPlan(version=major, databases=(name,), roles=(OWNER, READER))
        done = subprocess.run(  # noqa: ASYNC221 - nothing else is to run meanwhile
            [psql, "-X", "-q", "-d", cluster.conninfo()],
            input=print_grants(plan),
            text=True,
            capture_output=True,
            check=False,
        )
        can_connect = await scalar(
            admin, "select has_database_privilege(%s, %s, 'create')", OWNER, name
        )
    finally:
        await admin.execute(sql.SQL("drop database {}").format(sql.Identifier(name)))
        await admin.execute(f"alter role {READER} connection limit -1".encode())

    assert (done.returncode, "ERROR" in done.stderr) == (0, False)
    assert can_connect
