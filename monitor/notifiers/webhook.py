"""Tells an HTTP receiver each alert once when it fires and once when it is over.

The body is the one that Alertmanager posts to webhooks, so that what understands
it understands us; Slack and what is compatible with it get a message instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
import structlog

from monitor.model.alert import Alert, Told
from monitor.model.state import NotifierStatus
from monitor.notifiers.outbox import Outbox

log = structlog.get_logger()

BATCH = 20
SECONDS_TO_GATHER = 5.0
"""What happens together is told together, and without what it explains."""
LONGEST_PAUSE = 60.0
_UNUSABLE = (400, 413, 422)
"""The body is to blame, not the way: the batch is halved."""

Body = Callable[[Sequence[Alert]], object]
"""Makes what is posted for a batch."""
Keep = Callable[[tuple[Told, ...]], Awaitable[None]]
"""Keeps what must survive a restart; says itself when it could not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOptions:
    """One receiver; `name` stands for it wherever it is shown.

    `url` and `headers` may hold secrets, are never logged, and are asked for at
    each request. `patience` is how long delivery waits for a disk.
    """

    name: str
    kind: str
    url: Callable[[], str]
    body: Body
    headers: Callable[[], Mapping[str, str]] = dict[str, str]
    timeout: timedelta = timedelta(seconds=10)
    patience: timedelta = timedelta(seconds=5)

    @property
    def key(self) -> str:
        """Return what is remembered of the receiver under."""
        return f"{self.kind}:{self.name}"


@dataclass(slots=True)
class _Record:
    sent_total: int = 0
    failed_total: int = 0
    last_success: datetime | None = None
    error: str = ""


class WebhookNotifier:
    """Keeps one receiver informed; what could not be delivered waits, and is bounded.

    A receiver that is away is tried again after a pause that doubles up to a
    minute.
    """

    def __init__(
        self,
        options: WebhookOptions,
        *,
        now: Callable[[], datetime],
        told: Iterable[Told] = (),
        keep: Keep | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._options = options
        self._now = now
        self._sleep = sleep
        self._outbox = Outbox(now, told)
        self._keep = keep
        self._kept = 0
        self._news = asyncio.Event()
        self._record = _Record()

    @property
    def key(self) -> str:
        """Return what is remembered of the receiver under."""
        return self._options.key

    @property
    def told(self) -> tuple[Told, ...]:
        """Return what must survive a restart: what it knows, and what waits."""
        return self._outbox.told

    @property
    def status(self) -> NotifierStatus:
        """Return how delivery fares."""
        return NotifierStatus(
            name=self._options.kind,
            receiver=self._options.name,
            queued=len(self._outbox),
            sent_total=self._record.sent_total,
            failed_total=self._record.failed_total,
            dropped_total=self._outbox.dropped_total,
            last_success=self._record.last_success,
            error=self._record.error,
        )

    def submit(self, source: str, alerts: Sequence[Alert]) -> None:
        """Replace the alerts of one source (a target); never blocks."""
        self._outbox.submit(source, alerts)
        self._wake()

    def withdraw(self, source: str) -> None:
        """Resolve what a source that is no longer watched left firing."""
        self._outbox.withdraw(source)
        self._wake()

    def _wake(self) -> None:
        if len(self._outbox):
            self._news.set()

    async def run(self) -> None:
        """Deliver whatever changes, until cancelled."""
        pause = 1.0
        timeout = aiohttp.ClientTimeout(total=self._options.timeout.total_seconds())
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                await self._news.wait()
                await self._sleep(SECONDS_TO_GATHER)
                self._news.clear()
                if await self._deliver(http):
                    pause = 1.0
                    continue
                self._news.set()
                await self._sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def send_once(self, alerts: Sequence[Alert]) -> bool:
        """Deliver these alerts now; for `pgvigil alerts test`. False on failure."""
        timeout = aiohttp.ClientTimeout(total=self._options.timeout.total_seconds())
        changes = [Told(source="", alert=alert) for alert in alerts]
        async with aiohttp.ClientSession(timeout=timeout) as http:
            return await self._post(http, changes)

    async def _deliver(self, http: aiohttp.ClientSession) -> bool:
        was_well = not self._record.error
        is_done = await self._empty(http)
        await self._remember()
        if is_done:
            if not was_well:
                log.info("receiver_recovered", receiver=self.key)
            self._record.error = ""
        elif was_well:
            error = self._record.error
            log.error("receiver_unreachable", receiver=self.key, error=error)
        return is_done

    async def _empty(self, http: aiohttp.ClientSession) -> bool:
        """Post what waits; False on the first failure.

        It is kept before it is posted: a daemon that is killed in between must
        not forget what it has to tell the end of.
        """
        while changes := self._outbox.next(BATCH):
            if self._outbox.changes != self._kept:
                await self._remember()
            if not await self._post(http, changes):
                return False
        return True

    async def _remember(self) -> None:
        """Keep what the receiver knows; a slow disk delays this, not delivery."""
        if self._keep is None:
            return
        self._kept = self._outbox.changes
        keeping = asyncio.ensure_future(self._keep(self.told))
        patience = self._options.patience.total_seconds()
        done, _ = await asyncio.wait({keeping}, timeout=patience)
        for task in done:
            task.result()

    async def _post(self, http: aiohttp.ClientSession, changes: Sequence[Told]) -> bool:
        """Post one batch; True if nothing of it needs to be tried again."""
        record, options = self._record, self._options
        body = options.body([change.alert for change in changes])
        try:
            url = await asyncio.to_thread(options.url)
            headers = await asyncio.to_thread(options.headers)
            async with http.post(url, json=body, headers=headers) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            record.failed_total += len(changes)
            # Its text may hold the URL, and that a secret.
            record.error = type(error).__name__
            return False
        if status in _UNUSABLE:
            return await self._halve(http, changes)
        if status >= 300:  # noqa: PLR2004 - HTTP's own number
            record.failed_total += len(changes)
            record.error = f"HTTP status {status}"
            return False
        self._outbox.delivered(changes)
        record.sent_total += len(changes)
        record.last_success = self._now()
        return True

    async def _halve(
        self, http: aiohttp.ClientSession, changes: Sequence[Told]
    ) -> bool:
        if len(changes) == 1:
            (bad,) = changes
            self._outbox.give_up(bad)
            log.error("alert_refused", receiver=self.key, alert=bad.alert.name)
            return True
        half = len(changes) // 2
        return await self._post(http, changes[:half]) and await self._post(
            http, changes[half:]
        )
