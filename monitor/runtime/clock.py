"""Time, injected: the only place where the daemon reads a clock."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """The clocks and the dice; tests inject their own.

    `monotonic` counts seconds and schedules; `now` is the wall clock, in UTC, and
    only labels. `jitter` returns a number between 0 and 1.
    """

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


class Backoff:
    """How long to wait before the next attempt to connect: full jitter.

    Waits between nothing and a bound that doubles from `first` to `most`, all in
    seconds, so that many daemons do not return in step.
    """

    def __init__(self, clock: Clock, *, most: float, first: float = 0.1) -> None:
        self._clock = clock
        self._first = min(first, most)
        self._most = most
        self._bound = self._first

    def next(self) -> float:
        """Return the seconds to wait now and double the bound."""
        wait = self._clock.jitter() * self._bound
        self._bound = min(self._bound * 2, self._most)
        return wait

    def reset(self) -> None:
        """Start small again, after a success."""
        self._bound = self._first
