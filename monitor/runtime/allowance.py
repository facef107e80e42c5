"""How much execution time probes may still take on a server in this hour."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
Spent = tuple[datetime, float]
"""When time was spent, and how many seconds."""


class Allowance:
    """Seconds per hour, any hour: what was spent leaves it 60 minutes later.

    It is kept across restarts, so that a daemon that keeps restarting does not
    spend its hour's allowance again and again.
    """

    def __init__(self, seconds: float, spent: Iterable[Spent] = ()) -> None:
        self.seconds = seconds
        self.total = 0.0
        self._spent: deque[Spent] = deque(spent)

    def spend(self, seconds: float, now: datetime) -> None:
        """Note what a round took; those of one minute are kept as one."""
        self.total += seconds
        self._forget(now)
        minute = now.replace(second=0, microsecond=0)
        if self._spent and self._spent[-1][0] >= minute:
            seconds += self._spent.pop()[1]
        self._spent.append((now, seconds))

    def spent(self, now: datetime) -> float:
        """Return the seconds spent in the last 60 minutes."""
        self._forget(now)
        return sum(seconds for _, seconds in self._spent)

    def left(self, now: datetime) -> float:
        """Return the seconds that may still be spent; never below 0."""
        return max(0.0, self.seconds - self.spent(now))

    @property
    def kept(self) -> tuple[Spent, ...]:
        """Return what has to survive a restart: at most one entry a minute."""
        return tuple(self._spent)

    def _forget(self, now: datetime) -> None:
        while self._spent and not now - HOUR < self._spent[0][0] <= now:
            self._spent.popleft()
