"""Collectors of the whole server, each against a server in that very state."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.rows.replication_slots import ReplicationSlotsRow
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_archiver import ArchiverRow
from monitor.model.rows.stat_database import DatabaseRow
from monitor.model.rows.xmin_horizon import HorizonRow
from monitor.model.snapshot import Kind
from monitor.model.target import Credentials
from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.collecting import bench, samples

Admin = psycopg.AsyncConnection[TupleRow]


@pytest.mark.pg
async def test_commits_of_a_database_are_counted(
    reader: Credentials, admin: Admin, database: str
) -> None:
    async with bench(reader) as at:
        before = await at.until(
            "stat_database", DatabaseRow, lambda rows: _of(rows, database)
        )
        for _ in range(5):
            await admin.execute("select 1")

        await at.until(
            "stat_database",
            DatabaseRow,
            lambda rows: (
                _of(rows, database)[0].xact_commit_total
                >= _of(before, database)[0].xact_commit_total + 5
            ),
        )

        (sheet,) = at.last["stat_database"].sheets
        kinds = {column.name: column.kind for column in sheet.columns}
        assert kinds["xact_commit_total"] is Kind.COUNTER
        assert kinds["frozen_xid_age"] is Kind.GAUGE
        assert kinds["datname"] is Kind.LABEL
        assert kinds["stats_reset_timestamp_seconds"] is Kind.GAUGE
        assert ("sessions_total" in kinds) == (at.server.major >= 14)


def _of(rows: Sequence[DatabaseRow], datname: str) -> list[DatabaseRow]:
    return [row for row in rows if row.datname == datname]


@pytest.mark.pg
async def test_settings_are_one_row_with_their_own_types(reader: Credentials) -> None:
    async with bench(reader) as at:
        (row,) = await at.rows("settings", SettingsRow)

    assert row.max_connections == 60
    assert row.reserved_connections == 3
    assert row.has_track_io_timing is True
    assert row.has_archiving is False
    assert row.block_size_bytes == 8192


@pytest.mark.pg
async def test_a_slot_nobody_reads_retains_wal(
    reader: Credentials, admin: Admin, database: str
) -> None:
    create = "select pg_create_physical_replication_slot(%s, true)"
    await admin.execute(create, [database])
    try:
        async with bench(reader) as at:
            (before,) = _slots(
                await at.rows("replication_slots", ReplicationSlotsRow), database
            )
            start = before.retained_bytes or 0
            await admin.execute("create table t as select generate_series(1, 10000)")

            rows = await at.until(
                "replication_slots",
                ReplicationSlotsRow,
                lambda rows: _retained(rows, database) > start + 100_000,
            )
    finally:
        await admin.execute("select pg_drop_replication_slot(%s)", [database])

    (after,) = _slots(rows, database)
    assert (after.slot_type, after.is_active) == ("physical", False)
    assert after.wal_status == "reserved"


def _retained(rows: Sequence[ReplicationSlotsRow], name: str) -> int:
    return _slots(rows, name)[0].retained_bytes or 0


def _slots(rows: Sequence[ReplicationSlotsRow], name: str) -> list[ReplicationSlotsRow]:
    return [row for row in rows if row.slot_name == name]


@pytest.mark.pg
async def test_a_failing_archiver_and_a_prepared_transaction_are_seen(
    major: int,
) -> None:
    settings = {
        "archive_mode": "on",
        "archive_command": "/bin/false",
        "max_prepared_transactions": "2",
    }
    with ThrowawayServer(settings, binaries=servers.binaries(major)) as server:
        async with await psycopg.AsyncConnection.connect(
            server.conninfo(), autocommit=True
        ) as admin:
            await servers.create_reader(admin)
            await admin.execute("create table t as select 1 as id")
            await admin.execute("select pg_switch_wal()")
            await admin.execute("begin")
            await admin.execute("insert into t values (2)")
            await admin.execute("prepare transaction 'forgotten'")
            async with bench(servers.reader_credentials(server, "postgres")) as at:
                (row,) = await at.until(
                    "stat_archiver",
                    ArchiverRow,
                    lambda rows: rows[0].failed_archive_attempts_total > 0,
                )
                holders = await at.rows("xmin_horizon", HorizonRow)
                prepared = await at.collect("prepared_xacts")

    assert row.archived_wal_total == 0
    assert row.last_failed_age_seconds is not None
    assert row.last_archived_age_seconds is None
    assert len(row.last_failed_wal) == 24
    assert [h.holder for h in holders if h.cause == "prepared"] == ["forgotten"]
    (sample,) = samples(prepared.sheets[0])
    assert (sample["datname"], sample["transactions"]) == ("postgres", 1)


@pytest.mark.pg("all")
async def test_the_metrics_of_a_server_are_exported(reader: Credentials) -> None:
    async with bench(reader) as at:
        wanted = ["postmaster", "stat_bgwriter", "stat_checkpointer", "setting"]
        wanted += ["database", "wal_directory"]
        wanted += ["stat_wal"] if at.server.major >= 14 else []
        wanted += ["stat_io"] if at.server.major >= 16 else []
        found = {name: (await at.collect(name)).sheets[0] for name in wanted}
        skipped = {n: c.skipped for n, c in at.collectors.items() if c.skipped}

    (postmaster,) = samples(found["postmaster"])
    assert postmaster["in_recovery"] == 0
    assert isinstance(postmaster["uptime_seconds"], float)
    (checkpointer,) = samples(found["stat_checkpointer"])
    assert isinstance(checkpointer["write_time_seconds_total"], float)
    assert all(sheet.rows for sheet in found.values())
    assert skipped["recovery"] == "runs on a standby only"
    assert ("stat_io" in skipped) == (at.server.major < 16)
