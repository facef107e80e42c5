"""When each round of probes is due, by how it went before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from monitor.rls.rounds import Key
from monitor.runtime.clock import Clock

SOON = timedelta(seconds=5)
MOST_DOUBLINGS = 6
"""A round that keeps failing is tried every 64th interval."""

_JITTER = 0.2


@dataclass(slots=True)
class _Entry:
    due_at: float
    failures: int = 0
    seconds: float | None = None


class Timetable:
    """The rounds' due times on the monotonic clock; one never seen is due at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[Key, _Entry] = {}

    def overdue(self, key: Key) -> float | None:
        """Return for how many seconds a round has been due; None if it is not yet.

        Infinite for one that was never run.
        """
        entry = self._entries.get(key)
        if entry is None:
            return float("inf")
        seconds = self._clock.monotonic() - entry.due_at
        return seconds if seconds >= 0 else None

    def seconds(self, key: Key) -> float | None:
        """Return what a round took last time; None before the first."""
        entry = self._entries.get(key)
        return entry.seconds if entry else None

    def failures(self, key: Key) -> int:
        """Return how often in a row a round has failed."""
        entry = self._entries.get(key)
        return entry.failures if entry else 0

    def done(
        self, key: Key, *, every: timedelta, seconds: float, backs_off: bool
    ) -> None:
        """Plan a round's next time, with jitter; `backs_off` doubles the interval."""
        failures = self.failures(key) + 1 if backs_off else 0
        wait = every.total_seconds() * 2 ** min(failures, MOST_DOUBLINGS)
        self._entries[key] = _Entry(self._later(wait), failures, seconds)

    def resume(self, key: Key, *, every: timedelta, age: timedelta) -> None:
        """Take up a round of an earlier process, done `age` ago."""
        rest = max(timedelta(), every - max(age, timedelta()))
        self._entries[key] = _Entry(self._later(rest.total_seconds()))

    def hasten(self, key: Key) -> None:
        """Plan a round anew soon, because what it measured has changed."""
        self._entries[key] = _Entry(self._later(SOON.total_seconds()))

    def keep(self, keys: Collection[Key]) -> None:
        """Forget rounds that are long due and no longer possible."""
        now = self._clock.monotonic()
        for key in self._entries.keys() - set(keys):
            if self._entries[key].due_at < now:
                del self._entries[key]

    def _later(self, seconds: float) -> float:
        spread = 1 + _JITTER * (self._clock.jitter() - 0.5)
        return self._clock.monotonic() + seconds * spread
