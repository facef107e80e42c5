"""Target loops on real servers, with intervals short enough for a test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from functools import cache

import pytest

from monitor.collectors.build import Libraries
from monitor.exporters.series import LIMITS
from monitor.model.target import Credentials, Intervals, Target
from monitor.runtime.clock import Clock
from monitor.runtime.target_loop import LoopOptions, TargetLoop
from monitor.runtime.windows import WindowBook

FAST = timedelta(seconds=0.3)
FAST_INTERVALS = Intervals(
    activity=FAST,
    statements=FAST,
    tables=FAST,
    indexes=FAST,
    catalog=FAST,
    sizes=FAST,
    texts=FAST,
)


@cache
def libraries() -> Libraries:
    """Return the shipped query files."""
    return Libraries.load()


def target_for(credentials: Credentials, **changes: object) -> Target:
    """Return a target that is read several times a second."""
    facts: dict[str, object] = {"name": "orders", "intervals": FAST_INTERVALS}
    return Target(credentials=credentials, **(facts | changes))  # pyright: ignore[reportArgumentType]


@contextlib.asynccontextmanager
async def running(target: Target) -> AsyncGenerator[TargetLoop]:
    """Run a loop until the block ends."""
    loop = TargetLoop(
        target,
        LoopOptions(
            instance="test",
            libraries=libraries(),
            clock=Clock(),
            series_limits=lambda profile: LIMITS[profile],
            budget=1.0,
        ),
        windows=WindowBook(),
        on_cycle=lambda: None,
    )
    task = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool], *, seconds: float = 15.0) -> None:
    """Wait until something holds."""
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"it did not happen within {seconds:g} s")
