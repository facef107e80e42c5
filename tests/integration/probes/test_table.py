"""A table's policies are timed, and what cannot be timed is said in words."""

from __future__ import annotations

import pytest

from tests.integration.probes.stage import Stage


@pytest.mark.pg
async def test_policy_costs_are_told_per_row(stage: Stage) -> None:
    await stage.hostile(
        "begin perform sqrt(n) from generate_series(1, 20); return true; end"
    )

    cost = await stage.time_well()

    assert cost.status == "ok", cost.reason
    assert cost.per_row is not None
    assert cost.low is not None
    assert cost.high is not None
    assert 0.5e-6 < cost.low <= cost.per_row <= cost.high < 1e-3
    assert cost.rows > 50
    assert cost.pairs >= 3
    assert cost.scan_per_row is not None
