"""A real PgBouncer's admin console, read as the daemon reads it."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg

from monitor.collectors import pgbouncer as console
from monitor.collectors.collector import Moment
from monitor.model.rows.pgbouncer_pools import PoolsRow
from monitor.postgres.request import Reply, Request
from tests.collecting import rows, samples
from tests.poolers import pgbouncer
from tests.servers import Cluster


async def _ask(connection: psycopg.AsyncConnection[object], request: Request) -> Reply:
    cursor = psycopg.AsyncClientCursor(connection)
    await cursor.execute(request.sql)
    assert cursor.description is not None
    return Reply(
        name=request.name,
        columns=tuple(column.name for column in cursor.description),
        types=tuple(column.type_code for column in cursor.description),
        rows=tuple(await cursor.fetchall()),
    )


async def test_pools_of_a_real_console_are_read(
    cluster: Cluster, database: str
) -> None:
    with pgbouncer(cluster.conninfo(database), "transaction") as pooler:
        async with (
            await psycopg.AsyncConnection.connect(pooler.conninfo) as client,
            await psycopg.AsyncConnection.connect(
                pooler.admin, autocommit=True, prepare_threshold=None
            ) as admin,
        ):
            await client.execute("select 1")
            replies = [await _ask(admin, request) for request in console.requests()]

    moment = Moment(monotonic=1.0, now=datetime.now(UTC), epoch="")
    collected = console.read(replies, moment)
    (pool,) = rows(collected, PoolsRow)
    assert (pool.datname, pool.pool_mode) == (database, "transaction")
    assert (pool.clients_active, pool.clients_waiting) == (1, 0)
    assert pool.servers_active == 1
    (base,) = [s for s in samples(collected.sheets[1]) if s["name"] == database]
    assert (base["pool_size"], base["is_paused"]) == (10, 0)
