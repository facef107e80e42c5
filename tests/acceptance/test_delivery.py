"""Alerts arrive whatever dies: causes, daemon, Alertmanager and receivers are real."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from monitor.postgres.throwaway import ThrowawayServer
from tests import companions
from tests.acceptance.receivers import Desk, listening
from tests.daemon import RunningDaemon, running, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(240),
    pytest.mark.requirement("S8.1.2-g"),
]

ROOT = Path(__file__).parent.parent.parent
BUILDS = companions.find("prometheus-alertmanager", "alertmanager")
IDLE = "PgvigilIdleInTransaction"
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Office:
    """Those who are told: through Alertmanager, directly, and in a chat."""

    routed: Desk
    direct: Desk
    chat: Desk

    def count(self, status: str) -> tuple[int, int, int]:
        """Return how often each heard the alert of the tests with a status."""
        title = "[resolved]" if status == "resolved" else "[warning]"
        return (
            self.routed.of(IDLE).count(status),
            self.direct.of(IDLE).count(status),
            len(self.chat.titles(f"{title} A transaction is open")),
        )

    def wait(self, status: str, *least: int) -> None:
        """Wait until each heard a status at least so many times."""

        def has_heard() -> bool:
            pairs = zip(self.count(status), least, strict=True)
            return all(count >= wanted for count, wanted in pairs)

        wait_until(has_heard, seconds=SECONDS, what=lambda: f"{status}: {self}")


@dataclass(frozen=True, slots=True)
class World:
    office: Office
    manager: companions.Companion
    daemon: RunningDaemon
    folder: Path


@pytest.fixture
def server() -> Iterator[ThrowawayServer]:
    with ThrowawayServer() as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute("create role pgvigil_reader login password 'r'")
            connection.execute("grant pg_monitor to pgvigil_reader")
        yield server


@pytest.fixture
def office() -> Iterator[Office]:
    with listening() as routed, listening() as direct, listening() as chat:
        yield Office(routed, direct, chat)


@pytest.fixture(params=BUILDS or [None], ids=str)
def build(request: pytest.FixtureRequest) -> Path:
    if request.param is None:
        pytest.skip("prometheus-alertmanager is not installed")
    return request.param


def target(server: ThrowawayServer, name: str = "orders") -> dict[str, object]:
    kinds = ("activity", "statements", "tables", "indexes", "catalog", "sizes")
    return {
        "name": name,
        "dsn": server.conninfo(user="pgvigil_reader", password="r"),
        "intervals": dict.fromkeys(kinds, "1s"),
        "labels": {"team": "payments"},
    }


def alerting(office: Office, manager: companions.Companion) -> dict[str, object]:
    return {
        "alertmanagers": [{"url": manager.url}],
        "resend": "1s",
        "hold": {"warning": "1s"},
        "webhooks": [
            {"name": "desk", "url": office.direct.url, "timeout": "2s"},
            {"name": "chat", "kind": "slack", "url": office.chat.url},
        ],
    }


@pytest.fixture
def world(
    build: Path, server: ThrowawayServer, office: Office, tmp_path: Path
) -> Iterator[World]:
    with companions.alertmanager(build, tmp_path, office.routed.url) as manager:
        settings = {
            "targets": [target(server)],
            "thresholds": {"idle_in_transaction": {"warning": 1, "critical": 3600}},
            "alerting": alerting(office, manager),
        }
        with running(tmp_path, settings) as daemon:
            wait_until(lambda: daemon.value("pg_up", server="orders") == 1)
            yield World(office, manager, daemon, tmp_path)


@contextmanager
def cause(server: ThrowawayServer) -> Generator[None]:
    """Be what the alert is about: a transaction whose client does nothing."""
    with psycopg.connect(server.conninfo()) as idle:
        idle.execute("select 1")
        yield


def test_an_alertmanager_that_lost_everything_is_told_again(
    world: World, server: ThrowawayServer
) -> None:
    with cause(server):
        world.office.wait("firing", 1, 1, 1)
        world.manager.stop(kill=True)
        shutil.rmtree(world.folder / "alertmanager-data")
        world.manager.start()
        world.office.wait("firing", 2, 1, 1)
        time.sleep(3)
        early = world.office.count("resolved")
    world.office.wait("resolved", 1, 1, 1)

    # Twice to what Alertmanager tells: it had forgotten that it did.
    assert early == (0, 0, 0)
    assert world.office.count("firing") == (2, 1, 1)
    assert world.office.count("resolved") == (1, 1, 1)


def test_a_killed_daemon_repeats_little_and_resolves_nothing_that_is_true(
    world: World, server: ThrowawayServer
) -> None:
    with cause(server):
        world.office.wait("firing", 1, 1, 1)
        world.daemon.stop(signal_number=signal.SIGKILL)
        world.daemon.start()
        wait_until(lambda: fires(world.daemon), seconds=SECONDS)
        # Longer than what happens together is gathered, and news at that.
        time.sleep(8)
        early = world.office.count("resolved")
    world.office.wait("resolved", 1, 1, 1)

    assert early == (0, 0, 0)
    assert world.office.count("firing") == (1, 1, 1)
    assert world.office.count("resolved") == (1, 1, 1)


def fires(daemon: RunningDaemon) -> bool:
    return any(
        alert["name"] == IDLE and alert["state"] == "firing"
        for alert in daemon.json("/api/v1/alerts")["alerts"]
    )


def test_what_ended_while_the_daemon_was_dead_is_told_to_be_over(
    world: World, server: ThrowawayServer
) -> None:
    with cause(server):
        # Within the minute between two saves of everything.
        world.office.wait("firing", 1, 1, 1)
        world.daemon.stop(signal_number=signal.SIGKILL)
    world.daemon.start()
    world.office.wait("resolved", 0, 1, 1)

    assert world.office.count("resolved")[1:] == (1, 1)


def test_a_daemon_without_its_memory_says_so_and_resolves_nothing_that_is_true(
    world: World, server: ThrowawayServer
) -> None:
    with cause(server):
        world.office.wait("firing", 1, 1, 1)
        world.daemon.stop(signal_number=signal.SIGKILL)
        shutil.rmtree(world.folder / "state")
        world.daemon.start()
        # It cannot know that it told them, and tells them again.
        world.office.wait("firing", 1, 2, 2)
        time.sleep(3)
        early = world.office.count("resolved")
    world.office.wait("resolved", 1, 1, 1)

    assert early == (0, 0, 0)
    assert world.office.count("firing") == (1, 2, 2)


def test_receivers_that_fail_or_hang_hear_everything_in_the_end(
    world: World, server: ThrowawayServer
) -> None:
    office = world.office
    office.direct.is_hanging, office.chat.status = True, 500
    with cause(server):
        office.wait("firing", 1, 0, 0)
        wait_until(lambda: office.chat.attempts > 1, seconds=SECONDS)
        wait_until(lambda: office.direct.attempts > 1, seconds=SECONDS)
        queued = world.daemon.value("pgvigil_notifier_queued", receiver="chat")
        office.direct.is_hanging, office.chat.status = False, 200
        office.wait("firing", 1, 1, 1)
        office.direct.status, office.chat.is_hanging = 503, True
    office.wait("resolved", 1, 0, 0)
    office.direct.status, office.chat.is_hanging = 200, False
    office.chat.released.set()
    office.wait("resolved", 1, 1, 1)
    offset = world.daemon.value(
        "pgvigil_notifier_clock_offset_seconds", receiver=world.manager.url
    )

    # The watchdog may wait, too.
    assert queued in {1, 2}
    assert offset == 0
    assert office.count("firing") == (1, 1, 1)


def with_our_rules(binary: Path, folder: Path, desk: Desk) -> companions.Companion:
    """Return an Alertmanager with the inhibitions of our example, not started."""
    example = yaml.safe_load((ROOT / "alerts/alertmanager.example.yml").read_text())
    config: dict[str, Any] = {
        **yaml.safe_load(companions.ALERTMANAGER.format(hook=desk.url)),
        "inhibit_rules": example["inhibit_rules"],
    }
    # What our example has for the same reason: time for what explains the rest.
    config["route"]["group_wait"] = "5s"
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config))
    port = companions.free_port()
    command = [
        str(binary),
        f"--config.file={path}",
        f"--storage.path={folder / 'alertmanager-data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    return companions.Companion(command, folder / "alertmanager.log", port)


def test_servers_lost_together_are_one_alert_and_the_watchdog_goes_on(
    build: Path, office: Office, tmp_path: Path
) -> None:
    names = ("a", "b", "c")
    with ExitStack() as stack:
        servers = [stack.enter_context(ThrowawayServer()) for _ in names]
        targets = [
            {**target(one, name), "dsn": one.conninfo()}
            for name, one in zip(names, servers, strict=True)
        ]
        manager = with_our_rules(build, tmp_path, office.routed)
        manager.start()
        stack.callback(manager.stop)
        settings = {"targets": targets, "alerting": alerting(office, manager)}
        daemon = stack.enter_context(running(tmp_path, settings))
        wait_until(lambda: all(daemon.value("pg_up", server=n) == 1 for n in names))
        told = (office.routed, office.direct)
        wait_until(
            lambda: all("firing" in desk.of("PgvigilWatchdog") for desk in told),
            seconds=SECONDS,
        )
        for one in servers[1:]:
            one.stop()
        wait_until(
            lambda: all("firing" in desk.of("PgvigilMonitorBlind") for desk in told),
            seconds=SECONDS,
            what=lambda: str([desk.alerts for desk in told]),
        )
        wait_until(lambda: daemon.value("pg_up", server="c") == 0)
        time.sleep(10)

    for desk in told:
        assert desk.of("PgvigilTargetDown") == []
        assert desk.of("PgvigilMonitorBlind") == ["firing"]
        assert "resolved" not in desk.of("PgvigilWatchdog")
