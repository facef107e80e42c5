"""A database on which executors may act."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.integration.postgres.stage import Stage, prepare
from tests.servers import Cluster


@pytest.fixture
async def stage(
    cluster: Cluster, database: str, admin: psycopg.AsyncConnection[TupleRow]
) -> AsyncIterator[Stage]:
    """Return a prepared database; what was opened on it is closed afterwards."""
    made = Stage(cluster, database, admin)
    await prepare(made)
    yield made
    for executor in made.opened:
        await executor.close()
