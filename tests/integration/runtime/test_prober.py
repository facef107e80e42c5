"""A daemon that probes policies: within its connections, its hour and its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.runtime.probing import (
    Admin,
    Application,
    good,
    probes,
    running,
    until,
)
from tests.servers import Cluster


@pytest.fixture
async def application(
    cluster: Cluster, database: str, admin: Admin
) -> AsyncIterator[Application]:
    made = Application(cluster, database, admin)
    await made.set_up()
    async with made.traffic():
        yield made
    await made.clear()


async def test_a_policys_cost_is_probed_and_void_once_the_policy_changes(
    application: Application, tmp_path: Path
) -> None:
    settings = application.settings(tmp_path, **application.rls())

    async with running(settings) as assembly:
        await until(lambda: good(assembly))
        (cost,) = good(assembly)
        await application.execute(
            "alter policy seen on public.notes using ((select public.may_see(1)))"
        )
        await until(lambda: cost not in good(assembly))
        await until(
            lambda: any(
                c.policy_set != cost.policy_set for c in probes(assembly).unit_costs
            )
        )

    assert (cost.table.relname, cost.persona) == ("notes", "alice")
    assert cost.per_row is not None
    assert 1e-8 < cost.per_row < 1e-4
