from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from monitor.runtime.clock import Clock
from monitor.runtime.supervision import MOST_SECONDS_BEFORE_RESTART, keep_running


@dataclass
class Part:
    """Crashes at each run but the last; the clock moves with `lasts` and sleeps."""

    crashes: int
    lasts: float = 0.0
    now: float = 0.0
    runs: int = 0
    slept: list[float] = field(default_factory=list[float])

    async def run(self) -> None:
        self.runs += 1
        self.now += self.lasts
        if self.runs <= self.crashes:
            raise ZeroDivisionError("by nothing")

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, sleep=self.sleep, jitter=lambda: 1.0)


async def test_a_crash_is_followed_by_a_restart() -> None:
    part = Part(crashes=1)

    await keep_running(part.run, part.clock, part="board")

    assert part.runs == 2


async def test_restarts_become_rare_but_never_end() -> None:
    part = Part(crashes=10)

    await keep_running(part.run, part.clock, part="board")

    assert part.slept[:3] == [1.0, 2.0, 4.0]
    assert part.slept[-1] == MOST_SECONDS_BEFORE_RESTART


async def test_a_part_that_ran_for_long_is_restarted_soon() -> None:
    part = Part(crashes=5, lasts=2 * MOST_SECONDS_BEFORE_RESTART)

    await keep_running(part.run, part.clock, part="board")

    assert part.slept == [1.0] * 5


async def test_a_part_that_has_nothing_to_do_is_left_alone() -> None:
    part = Part(crashes=0)

    await keep_running(part.run, part.clock, part="discovery")

    assert (part.runs, part.slept) == (1, [])


async def test_a_crash_is_told_with_its_part(
    capsys: pytest.CaptureFixture[str],
) -> None:
    part = Part(crashes=1)

    await keep_running(part.run, part.clock, part="loop", target="orders")

    said = capsys.readouterr().out
    assert "part_crashed" in said
    assert "orders" in said
