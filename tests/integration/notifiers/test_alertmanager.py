"""Delivery to an HTTP server that behaves as Alertmanager does, or misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from monitor.model.alert import Alert, AlertState
from monitor.model.finding import Severity
from monitor.notifiers.alertmanager import AlertmanagerNotifier, AlertmanagerOptions

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Receiver:
    """Answers like Alertmanager; `answer` decides the status of each batch."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, object]]] = []
        self.answer: Callable[[list[dict[str, object]]], int] = lambda _: 200
        self.clock = NOW
        self.pause: Callable[[], Awaitable[object]] | None = None
        self.silences: object = []

    async def list_silences(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(self.silences)

    async def post(self, request: web.Request) -> web.Response:
        if self.pause is not None:
            await self.pause()
        batch: list[dict[str, object]] = await request.json()
        self.batches.append(batch)
        return web.Response(
            status=self.answer(batch), headers={"Date": format_datetime(self.clock)}
        )

    @property
    def last(self) -> dict[str, object]:
        return self.batches[-1][-1]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def url(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/api/v2/alerts", receiver.post)
    app.router.add_get("/api/v2/silences", receiver.list_silences)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


def notifier(
    url: str, *, timeout: timedelta = timedelta(seconds=5)
) -> AlertmanagerNotifier:
    return AlertmanagerNotifier(
        AlertmanagerOptions(url=url, timeout=timeout), now=lambda: NOW
    )


def alert(name: str = "A", state: AlertState = AlertState.FIRING) -> Alert:
    resolved = state is AlertState.RESOLVED
    return Alert(
        fingerprint=name,
        name=name,
        severity=Severity.WARNING,
        state=state,
        labels={"alertname": name, "server": "orders"},
        annotations={"summary": "s"},
        active_since=NOW - timedelta(minutes=10),
        fired_at=NOW - timedelta(minutes=5),
        resolved_at=NOW - timedelta(seconds=3) if resolved else None,
    )


async def test_a_firing_alert_ends_well_after_the_next_re_send(
    receiver: Receiver, url: str
) -> None:
    await notifier(url).send_once([alert()])

    assert receiver.last["startsAt"] == "2026-03-01T11:55:00+00:00"
    assert receiver.last["endsAt"] == "2026-03-01T12:05:00+00:00"


async def test_a_firing_alert_outlasts_its_hold_after_a_loss_of_memory(
    receiver: Receiver, url: str
) -> None:
    options = AlertmanagerOptions(url=url, hold=lambda _: timedelta(minutes=5))

    await AlertmanagerNotifier(options, now=lambda: NOW).send_once([alert()])

    assert receiver.last["endsAt"] == "2026-03-01T12:10:00+00:00"


async def test_a_resolved_alert_ends_when_it_resolved(
    receiver: Receiver, url: str
) -> None:
    await notifier(url).send_once([alert(state=AlertState.RESOLVED)])

    assert receiver.last["endsAt"] == "2026-03-01T11:59:57+00:00"


async def test_times_are_told_by_the_receivers_clock(
    receiver: Receiver, url: str
) -> None:
    receiver.clock = NOW - timedelta(minutes=30)
    sender = notifier(url)
    await sender.send_once([alert()])

    await sender.send_once([alert()])

    assert receiver.last["startsAt"] == "2026-03-01T11:25:00+00:00"
    assert receiver.last["endsAt"] == "2026-03-01T11:35:00+00:00"
    assert sender.status.clock_offset == timedelta(minutes=-30)


async def test_one_bad_alert_is_parked_and_the_good_ones_arrive(
    receiver: Receiver, url: str
) -> None:
    def refuse_bad(batch: list[dict[str, object]]) -> int:
        return 400 if any("BAD" in str(a["labels"]) for a in batch) else 200

    receiver.answer = refuse_bad
    sender = notifier(url)
    alerts = [alert(name) for name in ("A", "B", "BAD", "C", "D")]

    delivered = await sender.send_once(alerts)

    accepted = {
        str(a["labels"])
        for batch in receiver.batches
        if refuse_bad(batch) == 200
        for a in batch
    }
    assert delivered
    assert len(accepted) == 4
    assert sender.status.dropped_total == 1


async def test_a_parked_alert_is_not_sent_again(receiver: Receiver, url: str) -> None:
    receiver.answer = lambda batch: 400 if "BAD" in str(batch) else 200
    sender = notifier(url)
    await sender.send_once([alert("BAD")])

    sender.submit("orders", [alert("BAD"), alert("A")])

    assert sender.status.queued == 1


@pytest.mark.parametrize("status", [500, 503, 404])
async def test_a_failing_receiver_keeps_alerts_queued(
    receiver: Receiver, url: str, status: int
) -> None:
    receiver.answer = lambda _: status
    sender = notifier(url)
    sender.submit("orders", [alert()])

    delivered = await sender.send_once([alert()])

    assert not delivered
    assert sender.status.queued == 1
    assert str(status) in sender.status.error


async def test_a_hanging_receiver_is_given_up_on(receiver: Receiver, url: str) -> None:
    receiver.pause = asyncio.Event().wait
    sender = notifier(url, timeout=timedelta(seconds=0.2))

    delivered = await sender.send_once([alert()])

    assert not delivered
    assert sender.status.failed_total == 1


async def test_an_unreachable_receiver_is_an_error_with_its_cause() -> None:
    sender = notifier("http://127.0.0.1:1")

    delivered = await sender.send_once([alert()])

    assert not delivered
    assert "127.0.0.1" in sender.status.error


async def test_pending_alerts_are_not_sent(url: str) -> None:
    sender = notifier(url)

    sender.submit("orders", [alert(state=AlertState.PENDING)])

    assert sender.status.queued == 0


async def test_running_delivers_news_at_once_and_again_at_every_re_send(
    receiver: Receiver, url: str
) -> None:
    resend = asyncio.Event()

    async def sleep(_: float) -> None:
        await resend.wait()
        resend.clear()

    sender = AlertmanagerNotifier(
        AlertmanagerOptions(url=url), now=lambda: NOW, sleep=sleep
    )
    sender.submit("orders", [alert()])
    task = asyncio.create_task(sender.run())
    await _until(lambda: len(receiver.batches) == 1)

    resend.set()
    await _until(lambda: len(receiver.batches) == 2)
    sender.submit("orders", [alert(state=AlertState.RESOLVED)])
    await _until(lambda: len(receiver.batches) == 3)

    assert receiver.last["endsAt"] == "2026-03-01T11:59:57+00:00"
    task.cancel()


async def test_a_later_state_replaces_one_that_was_not_delivered(
    receiver: Receiver, url: str
) -> None:
    receiver.answer = lambda _: 500
    sender = notifier(url)
    sender.submit("orders", [alert()])
    await sender.send_once([alert()])

    sender.submit("orders", [alert(state=AlertState.RESOLVED)])

    assert sender.status.queued == 1


async def test_labels_tell_alerts_apart_not_order(receiver: Receiver, url: str) -> None:
    sender = notifier(url)
    sender.submit("orders", [alert("A"), alert("B")])

    await sender.send_once([alert("A"), alert("B")])

    assert sender.status.queued == 0
    assert len(receiver.batches) == 1


async def _until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen within 5 s")


@pytest.mark.requirement("S8.1.2-g")
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            [
                {
                    "id": "1",
                    "status": {"state": "active"},
                    "matchers": [{"name": "server", "value": "orders"}],
                    "endsAt": "2026-03-01T13:00:00Z",
                }
            ],
            ["1"],
        ),
        ({"message": "not that"}, []),
    ],
)
async def test_silences_made_there_are_known_here(
    receiver: Receiver, url: str, answer: object, expected: list[str]
) -> None:
    receiver.silences = answer
    sender = notifier(url)
    running = asyncio.create_task(sender.run())
    sender.submit("orders", [alert()])
    for _ in range(100):
        if sender.status.silences or (receiver.batches and not expected):
            break
        await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    covering = [s.id for s in sender.status.silences if s.covers(alert().labels)]
    assert covering == expected
    assert sender.status.error == ""
