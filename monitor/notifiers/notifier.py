"""What every notifier is: it is given alerts and sees to it that they arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from monitor.model.alert import Alert
from monitor.model.state import NotifierStatus


class Notifier(Protocol):
    """Tells one receiver; a source is a target, or empty for the daemon itself."""

    @property
    def status(self) -> NotifierStatus:
        """Return how delivery fares."""
        ...

    def submit(self, source: str, alerts: Sequence[Alert]) -> None:
        """Replace the alerts of one source; never blocks."""
        ...

    def withdraw(self, source: str) -> None:
        """Forget a source that is no longer watched."""
        ...

    async def run(self) -> None:
        """Deliver until cancelled."""
        ...

    async def send_once(self, alerts: Sequence[Alert]) -> bool:
        """Deliver these alerts now; False on failure."""
        ...
