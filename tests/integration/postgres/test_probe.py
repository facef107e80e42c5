"""Probing real servers with more and with fewer privileges."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from monitor.model.server import Capability, Server
from monitor.model.target import Credentials
from monitor.postgres.probe import probe
from monitor.postgres.session import Purpose, Session
from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.servers import READER, Cluster

Admin = psycopg.AsyncConnection[TupleRow]


async def probed(credentials: Credentials) -> Server:
    session = await Session.open(credentials, purpose=Purpose.POLL, instance="test")
    try:
        return await probe(session)
    finally:
        await session.close()


def missing(server: Server) -> Mapping[str, Capability]:
    return {c.name: c for c in server.capabilities if not c.available}


@pytest.mark.pg("all")
async def test_reader_finds_out_about_every_version(
    reader: Credentials, database: str, major: int, admin: Admin
) -> None:
    row = await (
        await admin.execute("select system_identifier::text from pg_control_system()")
    ).fetchone()

    server = await probed(reader)

    assert server.major == major
    assert server.version.startswith(f"{major}.")
    assert (server.role, server.database) == (READER, database)
    facts = (server.is_superuser, server.bypasses_rls, server.is_standby)
    assert facts == (False, False, False)
    assert (server.system_identifier,) == row
    assert server.timeline == 1
    assert server.provider == "self-hosted"
    assert set(server.databases) >= {database, "postgres"}
    assert "template0" not in server.databases
    assert server.extensions["pg_stat_statements"].schema == "public"
    assert server.extensions["pg_stat_statements"].version >= (1, 8)
    assert not server.is_newer_than_known
    assert set(missing(server)) == {
        "pgstattuple",
        "monitoring_schema",
        "reserved_connections",
    }


@pytest.mark.pg
@pytest.mark.requirement("X6")
async def test_losing_pg_monitor_disables_what_rests_on_it(
    reader: Credentials, admin: Admin
) -> None:
    role = sql.Identifier(READER)
    await admin.execute(sql.SQL("revoke pg_monitor from {}").format(role))

    server = await probed(reader)

    assert set(missing(server)) == {
        "statement_texts",
        "read_all_stats",
        "read_all_settings",
        "wal_directory",
        "pgstattuple",
        "monitoring_schema",
        "reserved_connections",
    }
    assert missing(server)["read_all_stats"].cure == (
        'Run "grant pg_monitor to pgvigil_reader".'
    )


async def test_a_refused_control_file_costs_only_what_it_tells(
    reader: Credentials, admin: Admin
) -> None:
    functions = "pg_control_system(), pg_control_checkpoint()"
    await admin.execute(f"revoke execute on function {functions} from public")

    server = await probed(reader)

    await admin.execute(f"grant execute on function {functions} to public")
    assert server.system_identifier is None
    assert server.timeline == 1
    assert "control_data" in missing(server)


async def test_extensions_are_found_in_whatever_schema(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute('create schema "odd schema"')
    await admin.execute('alter extension pg_stat_statements set schema "odd schema"')

    without_usage = await probed(reader)
    await admin.execute(f'grant usage on schema "odd schema" to {READER}')
    with_usage = await probed(reader)

    assert with_usage.extensions["pg_stat_statements"].schema == "odd schema"
    assert with_usage.can("statements")
    assert missing(without_usage)["statements"].cure == (
        'Run "grant usage on schema "odd schema" to pgvigil_reader".'
    )


async def test_pgstattuple_is_there_once_it_is_installed(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute("create extension pgstattuple")

    assert (await probed(reader)).can("pgstattuple")


async def test_row_level_security_hides_statistics_from_the_reader_only(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    await admin.execute("create table open (id int)")
    await admin.execute("create table secret (id int)")
    await admin.execute("alter table secret enable row level security")
    await admin.execute(f"grant select on open, secret to {READER}")

    by_reader = await probed(reader)
    by_superuser = await probed(Credentials(conninfo=conninfo))

    assert "of 1 table from role pgvigil_reader" in (
        missing(by_reader)["planner_stats"].reason
    )
    assert by_superuser.can("planner_stats")


async def test_statistics_of_unreadable_tables_are_hidden(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute("create table orders (id int)")
    unreadable = await probed(reader)
    await admin.execute(f"grant select on orders to {READER}")
    readable = await probed(reader)

    assert "planner_stats" in missing(unreadable)
    assert readable.can("planner_stats")


async def test_busiest_database_comes_first(
    reader: Credentials, admin: Admin, cluster: Cluster
) -> None:
    for _ in range(300):
        await admin.execute("select 1")
    async with await psycopg.AsyncConnection.connect(cluster.conninfo()) as other:
        await other.execute("select pg_sleep(0.1)")
    row = await (
        await admin.execute(
            "select datname from pg_stat_database join pg_database using (datname)"
            " where datallowconn and not datistemplate"
            " order by xact_commit + xact_rollback desc limit 1"
        )
    ).fetchone()
    assert row is not None

    assert (await probed(reader)).databases[0] == row[0]


async def test_databases_that_cannot_be_entered_are_left_out(
    reader: Credentials, admin: Admin, database: str
) -> None:
    name = f"closed_{database}"
    identifier = sql.Identifier(name)
    await admin.execute(sql.SQL("create database {}").format(identifier))
    await admin.execute(
        sql.SQL("revoke connect on database {} from public").format(identifier)
    )

    server = await probed(reader)

    await admin.execute(sql.SQL("drop database {}").format(identifier))
    assert name not in server.databases


@pytest.mark.requirement("S8.1.1-a")
async def test_statements_need_preloading() -> None:
    with ThrowawayServer({"shared_preload_libraries": ""}) as bare:
        with psycopg.connect(bare.conninfo(), autocommit=True) as connection:
            connection.execute("create extension pg_stat_statements")

        server = await probed(Credentials(conninfo=bare.conninfo()))

    assert missing(server)["statements"].reason == "pg_stat_statements is not preloaded"


async def test_reserved_connections_and_timing_follow_the_settings() -> None:
    settings = {"reserved_connections": "3", "track_io_timing": "off"}
    with ThrowawayServer(settings) as own:
        async with await psycopg.AsyncConnection.connect(
            own.conninfo(), autocommit=True
        ) as admin:
            await servers.create_reader(admin)
            before = await probed(servers.reader_credentials(own, "postgres"))
            await admin.execute(f"grant pg_use_reserved_connections to {READER}")
            after = await probed(servers.reader_credentials(own, "postgres"))

    assert "reserved_connections" in missing(before)
    assert after.can("reserved_connections")
    assert missing(after)["io_timing"].reason == "track_io_timing is off"


@pytest.mark.pg
async def test_standby_and_promotion_are_seen(major: int) -> None:
    with ThrowawayServer(binaries=servers.binaries(major)) as own:
        credentials = Credentials(conninfo=own.conninfo())
        primary = await probed(credentials)
        own.stop()
        # A server told to be a standby waits in recovery for WAL from anywhere.
        (own.directory / "data" / "standby.signal").touch()
        own.start()
        standby = await probed(credentials)
        with psycopg.connect(own.conninfo(), autocommit=True) as connection:
            connection.execute("select pg_promote()")
        promoted = await probed(credentials)

    assert (primary.is_standby, primary.timeline) == (False, 1)
    assert (standby.is_standby, standby.timeline) == (True, 1)
    assert (promoted.is_standby, promoted.timeline) == (False, 2)
    assert standby.system_identifier == primary.system_identifier
    assert standby.started_at > primary.started_at


async def test_simulated_provider_is_recognised_by_its_roles() -> None:
    with ThrowawayServer() as own:
        with psycopg.connect(own.conninfo(), autocommit=True) as connection:
            connection.execute("create role rdsadmin; create extension pgstattuple")

        server = await probed(Credentials(conninfo=own.conninfo()))

    assert server.provider == "rds"
    assert "custom DB parameter group" in missing(server)["statements"].cure
    assert server.can("pgstattuple")
