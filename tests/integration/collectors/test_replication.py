"""Replication, seen from both ends of a real streaming pair."""

from __future__ import annotations

import psycopg
import pytest

from monitor.model.rows.recovery import RecoveryRow
from monitor.model.rows.replication_slots import ReplicationSlotsRow
from monitor.model.rows.stat_replication import ReplicationRow
from monitor.model.rows.xmin_horizon import HorizonRow
from tests import servers
from tests.collecting import bench
from tests.standby import SLOT, pair


@pytest.mark.pg
async def test_both_ends_of_a_streaming_pair_are_measured(major: int) -> None:
    with pair(major) as both:
        primary, standby = both.primary, both.standby
        async with await psycopg.AsyncConnection.connect(
            primary.conninfo(), autocommit=True
        ) as admin:
            # Else a commit returns before the standby can know of it.
            await admin.execute("set synchronous_commit = on")
            await servers.create_reader(admin)
            async with bench(servers.reader_credentials(primary, "postgres")) as at:
                await at.until(
                    "stat_replication",
                    ReplicationRow,
                    lambda rows: rows and rows[0].replay_lag_bytes == 0,
                )
                async with bench(
                    servers.reader_credentials(standby, "postgres")
                ) as over:
                    assert over.server.is_standby
                    (idle,) = await over.until(
                        "recovery",
                        RecoveryRow,
                        lambda rows: rows and rows[0].replay_age_seconds is None,
                    )
                    holders = await at.until(
                        "xmin_horizon",
                        HorizonRow,
                        lambda rows: any(r.cause == "slot" for r in rows),
                    )
                    _pause(both.standby_conninfo)
                    await admin.execute(
                        "create table t as select generate_series(1, 10000) as id"
                    )
                    (behind,) = await over.until(
                        "recovery",
                        RecoveryRow,
                        lambda rows: rows and rows[0].replay_lag_bytes,
                    )
                    (sender,) = await at.until(
                        "stat_replication",
                        ReplicationRow,
                        lambda rows: rows and rows[0].replay_lag_bytes,
                    )
                    slots = await at.rows("replication_slots", ReplicationSlotsRow)
                    conflicts = await over.collect("stat_database_conflicts")
                    over_there = await over.rows(
                        "replication_slots", ReplicationSlotsRow
                    )

    assert (idle.receiver_status, idle.replay_lag_bytes) == ("streaming", 0)
    assert not idle.is_replay_paused
    assert behind.is_replay_paused
    assert behind.replay_age_seconds is not None
    assert sender.application_name == "a_standby"
    assert (sender.state, sender.flush_lag_bytes) == ("streaming", 0)
    assert [s.is_active for s in slots if s.slot_name == SLOT] == [True]
    assert {h.holder for h in holders if h.cause == "slot"} == {SLOT}
    assert conflicts.sheets[0].rows
    assert over_there == () or over_there[0].retained_bytes is not None


def _pause(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("select pg_wal_replay_pause()")
