"""Workers at work, and a catalog too large to be read at once."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.catalog import Catalog
from monitor.model.rows.autovacuum_worker import AutovacuumRow
from monitor.model.target import Credentials
from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.collecting import Bench, bench, eventually, samples

Admin = psycopg.AsyncConnection[TupleRow]

_SLOW_AUTOVACUUM = {
    "autovacuum_naptime": "1s",
    "autovacuum_vacuum_threshold": "0",
    "autovacuum_vacuum_cost_delay": "100ms",
    "autovacuum_vacuum_cost_limit": "1",
}
_TABLES = 3_200


@pytest.mark.pg
async def test_an_autovacuum_worker_names_its_table(major: int) -> None:
    binaries = servers.binaries(major)
    with ThrowawayServer(_SLOW_AUTOVACUUM, binaries=binaries) as server:
        async with await psycopg.AsyncConnection.connect(
            server.conninfo(), autocommit=True
        ) as admin:
            await servers.create_reader(admin)
            await admin.execute(
                "create table worn as select i, repeat('x', 100) as filler"
                " from generate_series(1, 20000) as i"
            )
            relid = await _oid(admin)
            async with await psycopg.AsyncConnection.connect(
                server.conninfo(), autocommit=True
            ) as writer:
                await writer.execute("delete from worn where i % 2 = 0")
            async with bench(servers.reader_credentials(server, "postgres")) as at:
                workers = await at.until(
                    "autovacuum_worker",
                    AutovacuumRow,
                    lambda rows: any(r.relid == relid for r in rows),
                )
                progress = (await at.collect("stat_progress")).sheets[0]

    (worker,) = [w for w in workers if w.relid == relid]
    assert worker.datname == "postgres"
    assert worker.is_wraparound is False
    assert worker.running_seconds is not None
    shown = [s for s in samples(progress) if s["datname"] == "postgres"]
    assert shown
    assert shown[0]["command"] in {"vacuum", "analyze"}


async def _oid(admin: Admin) -> int:
    cursor = await admin.execute("select 'worn'::regclass::oid::int")
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def test_a_large_catalog_comes_in_batches_and_is_left_alone_at_rest(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    await admin.execute(
        "do $$ begin for i in 1..3200 loop"
        " execute format('create table t%s (id integer)', i); end loop; end $$"
    )
    async with bench(reader) as at:
        partial = (await at.collect("catalog")).catalog
        hurried = at.collectors["catalog"].interval
        whole = (await at.collect("catalog")).catalog
        await _rest(at)
        async with await psycopg.AsyncConnection.connect(
            conninfo, autocommit=True
        ) as other:
            await other.execute("create table newcomer (id integer)")

        after = await _until_known(at, "newcomer")

    assert partial is None
    assert hurried.total_seconds() == 1
    assert whole is not None
    assert len(whole.relations) == _TABLES
    assert len(after.relations) == _TABLES + 1


async def _rest(at: Bench) -> None:
    """Collect until the collector asks for nothing but the catalogs' activity."""

    async def look() -> tuple[int, bool]:
        await at.collect("catalog")
        asked = len(at.collectors["catalog"].requests())
        return asked, asked == 1 and at.collectors["catalog"].interval.seconds == 60

    await eventually(look)


async def _until_known(at: Bench, relname: str) -> Catalog:
    async def look() -> tuple[Catalog, bool]:
        catalog = (await at.collect("catalog")).catalog
        assert catalog is not None
        names = {relation.relname for relation in catalog.relations.values()}
        return catalog, relname in names

    return await eventually(look)
