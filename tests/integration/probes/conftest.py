"""The stage of probes, as a fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.probes.stage import Admin, Stage
from tests.servers import Cluster


@pytest.fixture
async def stage(cluster: Cluster, database: str, admin: Admin) -> AsyncIterator[Stage]:
    """Return roles, two logins and a table of one test."""
    made = Stage(cluster, database, admin)
    await made.set_up()
    yield made
    await made.clear()
