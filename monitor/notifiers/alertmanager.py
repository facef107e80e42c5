"""Delivers alerts to one Alertmanager, API v2, at least once.

Alertmanager keeps nothing over a restart and forgets an alert at its `endsAt`,
so every firing alert is sent again and again, and every resolved one for a while
after it resolved. Alerts are identified by their labels: sending twice is free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
import structlog

from monitor.model.alert import Alert, AlertState
from monitor.model.silence import Silence
from monitor.model.state import NotifierStatus
from monitor.notifiers.outbox import Identity, identity
from monitor.notifiers.silences import read_silences

log = structlog.get_logger()

BATCH = 200
LEAST_VALIDITY = timedelta(minutes=5)
NEGLIGIBLE_OFFSET = timedelta(seconds=2)
"""The Date header counts whole seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerOptions:
    """One receiver. `headers` may carry authorization and are never logged.

    They are asked for at each request, so that a token can be rotated.
    `resend` is how often firing and freshly resolved alerts are sent again; a
    firing alert's endsAt lies four of these ahead, at least five minutes, and
    `hold` more: so long a daemon that lost its memory is silent about it.
    """

    url: str
    resend: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(seconds=10)
    headers: Callable[[], Mapping[str, str]] = dict[str, str]
    generator_url: str = ""
    hold: Callable[[Alert], timedelta] = lambda _: timedelta(0)


@dataclass(slots=True)
class _Record:
    sent_total: int = 0
    failed_total: int = 0
    dropped_total: int = 0
    last_success: datetime | None = None
    error: str = ""
    offset: timedelta = timedelta(0)


class AlertmanagerNotifier:
    """Keeps one Alertmanager informed of the current set of alerts.

    Memory is bounded by the number of alerts: a newer state of an alert replaces
    the older one that has not been delivered. Unreachable receivers are tried
    again at every `resend`, and sooner when there is news.
    """

    def __init__(
        self,
        options: AlertmanagerOptions,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._options = options
        self._now = now
        self._sleep = sleep
        self._alerts: dict[str, tuple[Alert, ...]] = {}
        self._sent: dict[Identity, AlertState] = {}
        self._parked: set[Identity] = set()
        self._news = asyncio.Event()
        self._record = _Record()
        self._silences: tuple[Silence, ...] = ()

    @property
    def status(self) -> NotifierStatus:
        """Return how delivery fares; `queued` alerts have changed and wait."""
        record = self._record
        return NotifierStatus(
            name="alertmanager",
            receiver=self._options.url,
            queued=sum(
                self._sent.get(identity(alert)) is not alert.state
                for alert in self._deliverable()
            ),
            sent_total=record.sent_total,
            failed_total=record.failed_total,
            dropped_total=record.dropped_total,
            last_success=record.last_success,
            error=record.error,
            clock_offset=record.offset,
            silences=self._silences,
        )

    def submit(self, source: str, alerts: Sequence[Alert]) -> None:
        """Replace the alerts of one source (a target); never blocks."""
        self._alerts[source] = tuple(alerts)
        if any(
            self._sent.get(identity(alert)) is not alert.state
            for alert in self._deliverable()
        ):
            self._news.set()

    def withdraw(self, source: str) -> None:
        """Forget a source that is no longer watched; its alerts run out by endsAt."""
        self._alerts.pop(source, None)

    async def run(self) -> None:
        """Deliver news at once and everything every `resend`, until cancelled."""
        timeout = aiohttp.ClientTimeout(total=self._options.timeout.total_seconds())
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                self._news.clear()
                if not await self._deliver(http, self._deliverable()):
                    # The receiver is away; news alone must not make us hammer it.
                    await self._sleep(1.0)
                await self._look_at_silences(http)
                await self._wait_for_news()

    async def _look_at_silences(self, http: aiohttp.ClientSession) -> None:
        """Learn what somebody silenced there; old news when it cannot be read.

        Nothing depends on it but what findings say of themselves.
        """
        url = self._options.url.rstrip("/") + "/api/v2/silences"
        try:
            headers = await asyncio.to_thread(self._options.headers)
            async with http.get(url, headers=headers) as response:
                if response.status == HTTPStatus.OK:
                    self._silences = read_silences(await response.json())
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return

    async def _wait_for_news(self) -> None:
        waiting = asyncio.create_task(self._news.wait())
        pause = asyncio.ensure_future(self._sleep(self._options.resend.total_seconds()))
        _, pending = await asyncio.wait(
            {waiting, pause}, return_when=asyncio.FIRST_COMPLETED
        )
        for task in pending:
            task.cancel()

    async def send_once(self, alerts: Sequence[Alert]) -> bool:
        """Deliver these alerts now; for `pgvigil alerts test`. False on failure."""
        timeout = aiohttp.ClientTimeout(total=self._options.timeout.total_seconds())
        async with aiohttp.ClientSession(timeout=timeout) as http:
            return await self._deliver(http, alerts)

    def _deliverable(self) -> list[Alert]:
        return [
            alert
            for alerts in self._alerts.values()
            for alert in alerts
            if alert.state is not AlertState.PENDING
            and identity(alert) not in self._parked
        ]

    async def _deliver(
        self, http: aiohttp.ClientSession, alerts: Sequence[Alert]
    ) -> bool:
        was_well = not self._record.error
        for start in range(0, len(alerts), BATCH):
            if not await self._post(http, alerts[start : start + BATCH]):
                if was_well:
                    log.error(
                        "alertmanager_unreachable",
                        receiver=self._options.url,
                        error=self._record.error,
                    )
                return False
        if alerts and not was_well:
            log.info("alertmanager_recovered", receiver=self._options.url)
        if alerts:
            self._record.error = ""
        self._sent = {identity(a): a.state for a in self._deliverable()}
        return True

    async def _post(self, http: aiohttp.ClientSession, alerts: Sequence[Alert]) -> bool:
        """Post one batch; True if the receiver has answered for all of it.

        A 400 means that at least one alert is bad; the others were taken. The
        batch is halved until the bad one is alone, which is then parked.
        """
        record = self._record
        url = self._options.url.rstrip("/") + "/api/v2/alerts"
        body = [self._as_json(alert) for alert in alerts]
        try:
            headers = await asyncio.to_thread(self._options.headers)
            async with http.post(url, json=body, headers=headers) as response:
                status = response.status
                self._note_clock(response.headers.get("Date"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            record.failed_total += len(alerts)
            record.error = str(error) or type(error).__name__
            return False
        if status == 400:  # noqa: PLR2004 - HTTP's own number
            return await self._bisect(http, alerts)
        if status >= 300:  # noqa: PLR2004 - HTTP's own number
            record.failed_total += len(alerts)
            record.error = f"HTTP status {status}"
            return False
        record.sent_total += len(alerts)
        record.last_success = self._now()
        return True

    async def _bisect(
        self, http: aiohttp.ClientSession, alerts: Sequence[Alert]
    ) -> bool:
        if len(alerts) == 1:
            (bad,) = alerts
            self._parked.add(identity(bad))
            self._record.dropped_total += 1
            log.error("alert_refused", receiver=self._options.url, alert=bad.name)
            return True
        half = len(alerts) // 2
        return await self._post(http, alerts[:half]) and await self._post(
            http, alerts[half:]
        )

    def _note_clock(self, date: str | None) -> None:
        """Learn the receiver's clock: it judges endsAt by its own."""
        if date is None:
            return
        try:
            theirs = parsedate_to_datetime(date)
        except ValueError:
            return
        offset = theirs.astimezone(UTC) - self._now()
        self._record.offset = (
            offset if abs(offset) > NEGLIGIBLE_OFFSET else timedelta(0)
        )

    def _as_json(self, alert: Alert) -> dict[str, object]:
        """Return the alert as Alertmanager wants it: all values are strings."""
        offset = self._record.offset
        begins = (alert.fired_at or alert.active_since) + offset
        if alert.state is AlertState.RESOLVED and alert.resolved_at is not None:
            ends = max(alert.resolved_at + offset, begins)
        else:
            ends = self._now() + offset
            ends += max(self._options.resend * 4, LEAST_VALIDITY)
            ends += self._options.hold(alert)
        return {
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "startsAt": begins.isoformat(),
            "endsAt": ends.isoformat(),
            "generatorURL": alert.annotations.get(
                "finding_url", self._options.generator_url
            ),
        }
