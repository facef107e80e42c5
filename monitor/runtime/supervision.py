"""Keeps a part of the daemon running: a defect in one costs no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from monitor.runtime.clock import Backoff, Clock

log = structlog.get_logger()

MOST_SECONDS_BEFORE_RESTART = 60.0


async def keep_running(
    run: Callable[[], Awaitable[None]], clock: Clock, *, part: str, target: str = ""
) -> None:
    """Run a part until it returns or is cancelled; a crash starts it again.

    The first restarts come soon, later ones up to a minute apart, until it has
    run for longer than that.
    """
    backoff = Backoff(clock, most=MOST_SECONDS_BEFORE_RESTART, first=1.0)
    while True:
        started = clock.monotonic()
        try:
            await run()
        except Exception:
            log.exception("part_crashed", part=part, target=target)
        else:
            return
        if clock.monotonic() - started > MOST_SECONDS_BEFORE_RESTART:
            backoff.reset()
        await clock.sleep(backoff.next())
