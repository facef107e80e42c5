"""Liveness, readiness and roles, for tools that look at the status only."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.model.state import State
from tests.integration.api.serving import serving
from tests.unit import states
from tests.unit.factories import NOW


async def status(path: str, state: State | None = None, method: str = "GET") -> int:
    async with serving(state) as served:
        return (await served.client.request(method, path)).status


async def text(path: str, state: State | None = None) -> str:
    async with serving(state) as served:
        return await (await served.client.get(path)).text()


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
async def test_alive_while_the_scheduler_turns(path: str) -> None:
    silent = states.state(heartbeat=NOW - timedelta(seconds=61))

    assert await status(path) == 200
    assert await status(path, silent) == 503


async def test_a_daemon_without_targets_is_alive_however_quiet() -> None:
    idle = states.state(heartbeat=NOW - timedelta(days=1))

    assert await status("/livez", replace(idle, targets=())) == 200


async def test_ready_after_the_first_cycle_whatever_its_outcome() -> None:
    down = states.state(states.unreachable())
    fresh = states.state(has_finished_first_cycle=False)

    assert await status("/readyz", down) == 200
    assert await status("/readyz", fresh) == 503


async def test_verbose_names_what_does_not_hold() -> None:
    fresh = states.state(has_finished_first_cycle=False)

    assert await text("/readyz?verbose", fresh) == (
        "[+]configuration ok\n"
        "[-]first_cycle failed: some targets have not been tried yet\n"
        "failed\n"
    )
    assert await text("/livez") == "ok\n"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/primary?target=orders", 200),
        ("/primary?target=orders-replica", 503),
        ("/primary?target=legacy", 503),
        ("/primary?target=nobody", 404),
        ("/primary", 400),
        ("/replica?target=orders-replica", 200),
        ("/replica?target=orders", 503),
        ("/replica?target=orders-replica&lag=300MB", 200),
        ("/replica?target=orders-replica&lag=10MB", 503),
        ("/replica?target=orders-replica&lag=222298112", 200),
        ("/replica?target=orders-replica&lag=222298111", 503),
        ("/replica?target=orders-replica&lag=60s", 200),
        ("/replica?target=orders-replica&lag=5s", 503),
        ("/replica?target=orders-replica&lag=much", 400),
        ("/read-only?target=orders", 200),
        ("/read-only?target=orders-replica", 200),
        ("/read-only?target=legacy", 503),
    ],
)
async def test_roles_are_told_by_status(path: str, expected: int, method: str) -> None:
    assert await status(path, method=method) == expected


async def test_a_single_target_needs_no_name() -> None:
    assert await status("/primary", states.state(states.primary())) == 200


@pytest.mark.parametrize(("seconds", "expected"), [(15, 200), (16, 503)])
async def test_what_is_too_old_is_not_passed_on(seconds: int, expected: int) -> None:
    old = states.primary(last_cycle=NOW - timedelta(seconds=seconds))

    assert await status("/primary", states.state(old)) == expected


async def test_a_standby_of_unknown_lag_is_no_replica_within_a_lag() -> None:
    unknown = states.state(states.standby(lag_bytes=None))

    assert await status("/replica?lag=1GB", unknown) == 503
    assert await status("/replica", unknown) == 200
