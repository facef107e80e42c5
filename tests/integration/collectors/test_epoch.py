"""The epoch stays while counters grow and moves when they may have restarted."""

from __future__ import annotations

import os
import signal

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.collectors import epoch
from monitor.errors import TargetError
from monitor.model.target import Credentials
from monitor.postgres.request import Reply
from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.collecting import SECONDS, bench, eventually


async def _epoch(reader: Credentials) -> str:
    async with bench(reader) as at:
        return epoch.read(await at.session.run(epoch.request(), seconds=SECONDS))


@pytest.mark.pg
async def test_the_epoch_stays_while_nothing_is_reset(
    reader: Credentials, admin: psycopg.AsyncConnection[TupleRow]
) -> None:
    before = await _epoch(reader)
    await admin.execute("create table t as select generate_series(1, 100) as id")

    after = await _epoch(reader)

    assert before == after


@pytest.mark.promise(11)
@pytest.mark.pg
@pytest.mark.requirement("X5")
async def test_a_reset_of_a_databases_statistics_moves_its_epoch(
    reader: Credentials, admin: psycopg.AsyncConnection[TupleRow]
) -> None:
    before = await _epoch(reader)
    await admin.execute("select pg_stat_reset()")

    async def look() -> tuple[str, bool]:
        after = await _epoch(reader)
        return after, after != before

    assert await eventually(look) != before


@pytest.mark.promise(11)
@pytest.mark.pg
@pytest.mark.requirement("X5")
async def test_a_crash_that_the_server_survives_moves_the_epoch(major: int) -> None:
    with ThrowawayServer(binaries=servers.binaries(major)) as server:
        admin = await psycopg.AsyncConnection.connect(
            server.conninfo(), autocommit=True
        )
        async with admin:
            await admin.execute("set synchronous_commit = on")
            await servers.create_reader(admin)
            reader = servers.reader_credentials(server, "postgres")
            before = await _epoch(reader)
            os.kill(admin.info.backend_pid, signal.SIGKILL)

        async def look() -> tuple[str, bool]:
            try:
                after = await _epoch(reader)
            except TargetError as error:
                return str(error), False
            return after, after != before

        after = await eventually(look)

    assert before.split("/")[0] == after.split("/")[0]
    assert before != after


def test_an_epoch_that_is_no_text_is_refused() -> None:
    with pytest.raises(TargetError, match="epoch"):
        epoch.read(Reply(name="epoch", rows=()))
