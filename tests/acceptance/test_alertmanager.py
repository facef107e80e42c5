"""A real Alertmanager is told, keeps being told, and is told when it is over."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.model.alert import Alert, AlertState
from monitor.model.finding import Severity
from monitor.notifiers.alertmanager import AlertmanagerNotifier, AlertmanagerOptions
from tests import companions
from tests.webhook import Hook

pytestmark = pytest.mark.acceptance

BUILDS = companions.find("prometheus-alertmanager", "alertmanager")


def alert(state: AlertState) -> Alert:
    now = datetime.now(UTC)
    return Alert(
        fingerprint="f",
        name="PgvigilDeadlocks",
        severity=Severity.WARNING,
        state=state,
        labels={"alertname": "PgvigilDeadlocks", "server": "orders"},
        annotations={"summary": "Deadlocks"},
        active_since=now - timedelta(minutes=6),
        fired_at=now - timedelta(minutes=1),
        resolved_at=now if state is AlertState.RESOLVED else None,
    )


async def until(hook: Hook, *expected: tuple[str, str]) -> None:
    for _ in range(300):
        if hook.seen == list(expected):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"expected {expected}, the webhook got {hook.seen}")


FIRING = ("PgvigilDeadlocks", "firing")
RESOLVED = ("PgvigilDeadlocks", "resolved")


@pytest.mark.parametrize("build", BUILDS or [None], ids=str)
async def test_firing_and_resolved_arrive_across_a_lost_alertmanager(
    build: Path | None, tmp_path: Path, hook: Hook, hook_url: str
) -> None:
    if build is None:
        pytest.skip("prometheus-alertmanager is not installed")
    with companions.alertmanager(build, tmp_path, hook_url) as manager:
        notifier = AlertmanagerNotifier(
            AlertmanagerOptions(url=manager.url, resend=timedelta(seconds=1)),
            now=lambda: datetime.now(UTC),
        )
        task = asyncio.create_task(notifier.run())

        notifier.submit("orders", [alert(AlertState.FIRING)])
        await until(hook, FIRING)

        await asyncio.to_thread(manager.stop, kill=True)
        shutil.rmtree(tmp_path / "alertmanager-data")
        await asyncio.to_thread(manager.start)
        # Its log of notifications is gone, so the re-sent alert is told once more.
        await until(hook, FIRING, FIRING)

        notifier.submit("orders", [alert(AlertState.RESOLVED)])
        await until(hook, FIRING, FIRING, RESOLVED)
        task.cancel()


@pytest.mark.parametrize("build", BUILDS or [None], ids=str)
async def test_an_alert_that_is_re_sent_is_told_once(
    build: Path | None, tmp_path: Path, hook: Hook, hook_url: str
) -> None:
    if build is None:
        pytest.skip("prometheus-alertmanager is not installed")
    with companions.alertmanager(build, tmp_path, hook_url) as manager:
        notifier = AlertmanagerNotifier(
            AlertmanagerOptions(url=manager.url), now=lambda: datetime.now(UTC)
        )
        for _ in range(5):
            await notifier.send_once([alert(AlertState.FIRING)])

        await until(hook, FIRING)
        await asyncio.sleep(2)

        assert hook.seen == [FIRING]
