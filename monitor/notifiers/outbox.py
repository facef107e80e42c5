"""What one receiver has still to be told: each change once, the latest state wins.

For receivers that keep what they are told, unlike Alertmanager: a chat, a ticket
system. Memory is bounded by the number of alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from monitor.alerting.inhibition import inhibited
from monitor.model.alert import Alert, AlertState, Told

Identity = tuple[tuple[str, str], ...]
MOST = 10_000


def identity(alert: Alert) -> Identity:
    """Return what makes an alert the same alert: its labels."""
    return tuple(sorted(alert.labels.items()))


class Outbox:
    """The alerts of all sources, and which of them the receiver knows as firing.

    `told` is what was so when the daemon last ran: nothing of it is told, or told
    to be over, before its source has been heard again. `changes` counts what came
    to wait.
    """

    def __init__(self, now: Callable[[], datetime], told: Iterable[Told] = ()) -> None:
        self._now = now
        self._alerts: dict[str, tuple[Alert, ...]] = {}
        self._told: dict[Identity, Told] = {}
        self._due: dict[Identity, Told] = {}
        self._tried: set[Identity] = set()
        self.changes = 0
        self.dropped_total = 0
        for one in told:
            kept = self._told if one.is_known else self._due
            kept[identity(one.alert)] = one
        self._tried.update(self._due)

    def __len__(self) -> int:
        """Return how many changes wait."""
        return len(self._due)

    @property
    def told(self) -> tuple[Told, ...]:
        """Return what the receiver knows as firing, and what it has not answered for.

        It may have heard that all the same: only its answer was lost.
        """
        return (*self._told.values(), *self._due.values())

    def submit(self, source: str, alerts: Sequence[Alert]) -> None:
        """Replace the alerts of one source."""
        self._alerts[source] = tuple(alerts)
        self._refresh()

    def withdraw(self, source: str) -> None:
        """Resolve what a source that is no longer watched left firing."""
        self.submit(source, ())
        del self._alerts[source]

    def next(self, limit: int) -> tuple[Told, ...]:
        """Return the changes that have waited longest."""
        ready = (
            one
            for one in self._due.values()
            if one.source in self._alerts or one.alert.state is AlertState.RESOLVED
        )
        found = tuple(islice(ready, limit))
        self._tried.update(identity(one.alert) for one in found)
        return found

    def delivered(self, changes: Iterable[Told]) -> None:
        """Note that the receiver has taken these."""
        for change in changes:
            key = identity(change.alert)
            self._tried.discard(key)
            waiting = self._due.get(key)
            # It may have changed again while it was under way.
            if waiting is not None and waiting.alert.state is change.alert.state:
                del self._due[key]
            if change.alert.state is AlertState.FIRING:
                self._told[key] = replace(change, is_known=True)
            else:
                self._told.pop(key, None)

    def give_up(self, change: Told) -> None:
        """Note that the receiver never takes this one: it is not tried again."""
        self.dropped_total += 1
        self.delivered([change])

    def _refresh(self) -> None:
        everything = [(s, a) for s, alerts in self._alerts.items() for a in alerts]
        hidden = inhibited([alert for _, alert in everything])
        firing: dict[Identity, Alert] = {}
        for number, (source, alert) in enumerate(everything):
            if alert.state is not AlertState.FIRING:
                continue
            key = identity(alert)
            firing[key] = alert
            if key in self._told and key in self._due and key in self._tried:
                # Whether its end was heard is not known: it is told once more.
                del self._told[key]
            if key in self._told:
                # Its end was not told yet, and it has none.
                self._due.pop(key, None)
            elif number not in hidden:
                self._wait(Told(source=source, alert=alert))
            elif key not in self._tried:
                # What explains it came while it waited.
                self._due.pop(key, None)
        self._resolve(firing, [alert for _, alert in everything])
        self._keep_within_bounds()

    def _resolve(self, firing: Mapping[Identity, Alert], known: list[Alert]) -> None:
        """Tell the end of what was told, or waits to be, and fires no more.

        What is pending has not ended: a daemon that lost its memory waits for it
        to last once more.
        """
        ended = {identity(a): a for a in known if a.state is AlertState.RESOLVED}
        lasting = {identity(a) for a in known if a.state is AlertState.PENDING}
        for key, one in {**self._told, **self._due}.items():
            was_heard = one.source in self._alerts
            is_over = one.alert.state is AlertState.RESOLVED
            if key in firing or key in lasting or not was_heard or is_over:
                continue
            over = replace(
                one.alert, state=AlertState.RESOLVED, resolved_at=self._now()
            )
            self._wait(Told(source=one.source, alert=ended.get(key, over)))

    def _wait(self, change: Told) -> None:
        key = identity(change.alert)
        known = self._due.get(key)
        if known is None or known.alert.state is not change.alert.state:
            self._due.pop(key, None)
            self._due[key] = change
            self.changes += 1

    def _keep_within_bounds(self) -> None:
        for key in list(self._due)[: max(0, len(self._due) - MOST)]:
            del self._due[key]
            self.dropped_total += 1
