"""PgBouncer beside its server, watched by a running loop."""

from __future__ import annotations

from monitor.model.rows.pgbouncer_pools import PoolsRow
from monitor.model.target import Credentials
from tests.integration.runtime.loops import running, target_for, until
from tests.integration.runtime.test_target_loop import view_of
from tests.poolers import pgbouncer
from tests.servers import Cluster


async def test_pools_are_part_of_the_targets_view(
    cluster: Cluster, database: str, reader: Credentials
) -> None:
    with pgbouncer(cluster.conninfo(database), "transaction") as pooler:
        target = target_for(reader, pgbouncer=Credentials(conninfo=pooler.admin))
        async with running(target) as loop:
            await until(
                lambda: loop.roster.server is not None and view_of(loop).has(PoolsRow)
            )

            sheets = {sheet.name for sheet in loop.memory.sheets()}

    assert "pgbouncer_pools" in sheets


async def test_a_console_that_is_away_costs_only_its_pools(
    reader: Credentials,
) -> None:
    gone = Credentials(conninfo="host=127.0.0.1 port=1 user=nobody")
    async with running(target_for(reader, pgbouncer=gone)) as loop:
        await until(lambda: loop.up)

        assert not view_of(loop).has(PoolsRow)
