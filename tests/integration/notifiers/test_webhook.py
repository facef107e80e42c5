"""Webhooks are told what changed, whatever they or the daemon do meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from monitor.model.alert import Alert, AlertState, Told
from monitor.model.finding import Severity
from monitor.notifiers.messages import slack_body, webhook_body
from monitor.notifiers.webhook import Keep, WebhookNotifier, WebhookOptions
from monitor.runtime.state_file import StateFile

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRING, RESOLVED = AlertState.FIRING, AlertState.RESOLVED
SECRET = "hooks/T0KEN"

pytestmark = pytest.mark.requirement("S8.1.2-g")


class Receiver:
    """Takes posts; `answer` decides the status of each."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.answer: Callable[[Any], int] = lambda _: 200
        self.hangs = False
        self.url = ""

    async def post(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.hangs:
            await asyncio.sleep(60)
        status = self.answer(body)
        if status < 300:
            self.bodies.append(body)
        return web.Response(status=status)

    @property
    def heard(self) -> list[tuple[str, str]]:
        return [
            (alert["labels"]["alertname"], alert["status"])
            for body in self.bodies
            for alert in body["alerts"]
        ]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post(f"/{SECRET}", receiver.post)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url(f"/{SECRET}"))
        yield receiver


def alert(name: str = "A", state: AlertState = FIRING) -> Alert:
    return Alert(
        fingerprint=name,
        name=name,
        severity=Severity.WARNING,
        state=state,
        labels={"alertname": name, "server": "orders", "object": "public.<b>&"},
        annotations={"summary": "Dead", "finding_url": "http://p/#finding-1"},
        active_since=NOW - timedelta(minutes=10),
        fired_at=NOW,
        resolved_at=NOW if state is RESOLVED else None,
    )


def notifier(
    receiver: Receiver,
    told: Sequence[Told] = (),
    keep: Keep | None = None,
    patience: timedelta = timedelta(seconds=5),
) -> WebhookNotifier:
    async def soon(_: float) -> None:
        await asyncio.sleep(0.01)

    options = WebhookOptions(
        name="ops",
        kind="webhook",
        url=lambda: receiver.url,
        body=partial(webhook_body, external_url="http://p"),
        timeout=timedelta(seconds=0.3),
        patience=patience,
    )
    return WebhookNotifier(options, now=lambda: NOW, told=told, keep=keep, sleep=soon)


@asynccontextmanager
async def running(sender: WebhookNotifier) -> AsyncGenerator[WebhookNotifier]:
    task = asyncio.create_task(sender.run())
    yield sender
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen in time")


async def test_the_body_is_alertmanager_s(receiver: Receiver) -> None:
    delivered = await notifier(receiver).send_once([alert(), alert("B", RESOLVED)])

    (body,) = receiver.bodies
    first, second = body["alerts"]
    assert delivered
    assert (body["version"], body["status"]) == ("4", "firing")
    assert body["commonLabels"] == {"server": "orders", "object": "public.<b>&"}
    assert first["startsAt"] == "2026-03-01T12:00:00+00:00"
    assert first["endsAt"] == "0001-01-01T00:00:00Z"
    assert first["generatorURL"] == "http://p/#finding-1"
    assert (second["status"], second["endsAt"]) == ("resolved", NOW.isoformat())


async def test_firing_and_its_end_are_told_once_each(receiver: Receiver) -> None:
    async with running(notifier(receiver)) as sender:
        sender.submit("orders", [alert()])
        await until(lambda: receiver.heard == [("A", "firing")])
        sender.submit("orders", [alert()])
        sender.submit("orders", [alert(state=RESOLVED)])
        await until(lambda: len(receiver.heard) == 2)
        sender.submit("orders", [])

    assert receiver.heard == [("A", "firing"), ("A", "resolved")]
    assert sender.status.queued == 0


@pytest.mark.parametrize("status", [500, 503, 429, 404, 401])
async def test_what_a_failing_receiver_misses_it_gets_later(
    receiver: Receiver, status: int
) -> None:
    receiver.answer = lambda _: status
    async with running(notifier(receiver)) as sender:
        sender.submit("orders", [alert()])
        await until(lambda: sender.status.failed_total > 2)
        error = sender.status.error
        receiver.answer = lambda _: 200
        await until(lambda: sender.status.queued == 0)

    assert error == f"HTTP status {status}"
    assert receiver.heard == [("A", "firing")]
    assert sender.status.error == ""


async def test_a_receiver_that_hangs_costs_its_own_messages_time(
    receiver: Receiver,
) -> None:
    receiver.hangs = True
    async with running(notifier(receiver)) as sender:
        sender.submit("orders", [alert()])
        await until(lambda: sender.status.failed_total > 0)
        receiver.hangs = False
        await until(lambda: receiver.heard == [("A", "firing")])

    assert sender.status.last_success == NOW


async def test_one_bad_alert_costs_no_other(receiver: Receiver) -> None:
    receiver.answer = lambda body: 400 if "BAD" in str(body) else 200
    names = ["A", "B", "BAD", "C", "D"]
    async with running(notifier(receiver)) as sender:
        sender.submit("orders", [alert(name) for name in names])
        await until(lambda: sender.status.queued == 0)

    assert sorted(receiver.heard) == [(n, "firing") for n in names if n != "BAD"]
    assert sender.status.dropped_total == 1


async def test_a_restarted_daemon_repeats_nothing_and_tells_the_end(
    receiver: Receiver, tmp_path: Path
) -> None:
    state = StateFile.open(tmp_path, NOW)
    async with running(notifier(receiver)) as sender:
        sender.submit("orders", [alert()])
        await until(lambda: sender.status.queued == 0)
    state.save_told({sender.key: sender.told})

    async with running(notifier(receiver, state.load_told(sender.key))) as again:
        again.submit("orders", [alert()])
        again.submit("orders", [])
        await until(lambda: len(receiver.heard) > 1)

    state.close()
    assert receiver.heard == [("A", "firing"), ("A", "resolved")]


async def test_what_is_told_is_kept_before_it_is_posted(receiver: Receiver) -> None:
    steps: list[tuple[str, ...]] = []

    async def keep(told: tuple[Told, ...]) -> None:
        known = ("known" if one.is_known else "waits" for one in told)
        steps.append(("kept", *known))

    receiver.answer = lambda _: steps.append(("posted",)) or 200
    async with running(notifier(receiver, keep=keep)) as sender:
        sender.submit("orders", [alert()])
        await until(lambda: len(steps) == 3)
        sender.submit("orders", [alert(state=RESOLVED)])
        await until(lambda: len(steps) == 6)

    assert steps[:3] == [("kept", "waits"), ("posted",), ("kept", "known")]
    assert steps[3:] == [("kept", "known", "waits"), ("posted",), ("kept",)]


async def test_a_disk_that_hangs_does_not_hold_up_the_next_news(
    receiver: Receiver,
) -> None:
    async def keep(_: tuple[Told, ...]) -> None:
        await asyncio.sleep(60)

    sender = notifier(receiver, keep=keep, patience=timedelta(seconds=0.05))
    async with running(sender):
        sender.submit("orders", [alert()])
        await until(lambda: receiver.heard == [("A", "firing")])
        sender.submit("orders", [])
        await until(lambda: len(receiver.heard) == 2)

    assert receiver.heard == [("A", "firing"), ("A", "resolved")]


async def test_what_was_told_and_waits_for_its_hold_again_is_not_over(
    receiver: Receiver,
) -> None:
    told = [Told(source="orders", alert=alert(), is_known=True)]
    async with running(notifier(receiver, told)) as sender:
        sender.submit("orders", [alert(state=AlertState.PENDING)])
        waiting = sender.status.queued
        sender.submit("orders", [alert()])
        sender.submit("orders", [])
        await until(lambda: receiver.heard == [("A", "resolved")])

    assert waiting == 0


async def test_the_url_is_told_to_nobody(receiver: Receiver) -> None:
    receiver.url = receiver.url.replace("127.0.0.1", "127.0.0.1:1@nowhere.invalid")
    sender = notifier(receiver)

    delivered = await sender.send_once([alert()])

    assert not delivered
    assert sender.status.error != ""
    assert SECRET not in repr(sender.status)


def test_slack_gets_a_message_in_which_names_are_no_markup() -> None:
    body: Any = slack_body([alert(), alert("B", RESOLVED)])

    first, second = body["attachments"]
    assert body["text"] == "pgvigil: 1 firing, 1 resolved"
    assert first["title"] == "[warning] Dead"
    assert "public.&lt;b&gt;&amp;" in first["text"]
    assert "<http://p/#finding-1|Evidence>" in first["text"]
    assert second["title"] == "[resolved] Dead"
