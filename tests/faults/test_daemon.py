"""The whole daemon while servers, networks and locks misbehave.

The interval is 3 s; each test states its bound and allows for a slow machine.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from monitor.postgres.throwaway import ThrowawayServer
from tests.daemon import RunningDaemon, running, wait_until
from tests.scraper import Scraper
from tests.stallproxy import StallProxy

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]

INTERVAL = 3.0
SLACK = 2.0
NEVER_WAITS = 1.0
"""A scrape that waited for a database would take longer than this."""

CENSUS = """
select count(*) from pg_catalog.pg_stat_activity
where application_name like 'pgvigil/%'
"""
WAITING = """
select count(*) from pg_catalog.pg_stat_activity
where application_name like 'pgvigil/%' and wait_event_type = 'Lock'
"""


@pytest.fixture
def server() -> Iterator[ThrowawayServer]:
    with ThrowawayServer() as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute("create extension pg_stat_statements")
            connection.execute("create role pgvigil_reader login password 'r'")
            connection.execute("grant pg_monitor to pgvigil_reader")
            connection.execute("create table orders (id int primary key, note text)")
            connection.execute("create table locked (id int primary key)")
            connection.execute("insert into orders select generate_series(1, 1000)")
            connection.execute("vacuum analyze")
        yield server


def reader(server: ThrowawayServer) -> str:
    return server.conninfo(user="pgvigil_reader", password="r")


def settings(dsn: str) -> dict[str, object]:
    kinds = ("activity", "statements", "tables", "indexes", "catalog", "sizes")
    every = dict.fromkeys(kinds, f"{INTERVAL:g}s")
    return {"targets": [{"name": "orders", "dsn": dsn, "intervals": every}]}


@contextmanager
def watched(
    folder: Path, server: ThrowawayServer, dsn: str | None = None
) -> Generator[tuple[RunningDaemon, Scraper]]:
    with ExitStack() as stack:
        daemon = stack.enter_context(running(folder, settings(dsn or reader(server))))
        wait_until(lambda: daemon.value("pg_up", server="orders") == 1)
        scraper = stack.enter_context(Scraper(f"{daemon.url}/metrics"))
        wait_until(lambda: scraper.up == 1)
        yield daemon, scraper


@contextmanager
def census(server: ThrowawayServer, query: str = CENSUS) -> Generator[list[int]]:
    """Count our backends ten times a second, as superuser."""
    counts: list[int] = []
    stop = threading.Event()
    connection = psycopg.connect(server.conninfo(), autocommit=True)

    def count() -> None:
        while not stop.wait(0.1):
            try:
                row = connection.execute(query.encode()).fetchone()
            except psycopg.Error:
                return
            counts.append(row[0] if row else 0)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield counts
    finally:
        stop.set()
        thread.join(5)
        connection.close()


@contextmanager
def proxied(
    server: ThrowawayServer,
) -> Generator[tuple[StallProxy, Callable[[str], None]]]:
    """Run a proxy in a thread with a loop of its own; the callable sets its mode."""
    loop = asyncio.new_event_loop()
    proxy = StallProxy(server.host, server.port)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result(10)

    def misbehave(mode: str) -> None:
        loop.call_soon_threadsafe(setattr, proxy, "mode", mode)

    try:
        yield proxy, misbehave
    finally:
        ending = proxy.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(ending, loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def report(scraper: Scraper, **figures: float) -> None:
    """Print the figures behind the promises; `pytest -s` shows them."""
    p99 = scraper.quantile(0.99) * 1000
    texts = [f"{name} {value:.2f} s" for name, value in figures.items()]
    print(f"\nscrape p99 {p99:.1f} ms of {len(scraper.scrapes)};", *texts)


def collectors(daemon: RunningDaemon) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = daemon.json("/api/v1/targets/orders")["target"][
        "collectors"
    ]
    return found


def age(collector: dict[str, Any]) -> float:
    """Return how long ago a collector last succeeded, in seconds."""
    last = datetime.fromisoformat(collector["last_success"])
    return (datetime.now(UTC) - last).total_seconds()


def assert_served(scraper: Scraper) -> None:
    assert scraper.failures == []
    assert max(s.seconds for s in scraper.scrapes) < NEVER_WAITS


@pytest.mark.promise(2)
def test_polling_never_queues_behind_an_access_exclusive_lock(
    server: ThrowawayServer, tmp_path: Path
) -> None:
    with watched(tmp_path, server) as (daemon, scraper), census(server) as counts:
        with (
            psycopg.connect(server.conninfo()) as holder,
            census(server, WAITING) as waiting,
        ):
            holder.execute("lock table locked in access exclusive mode")
            time.sleep(10)
            states = collectors(daemon)
            holder.rollback()

        stale = [
            state["name"]
            for state in states
            if state["interval_seconds"] <= INTERVAL
            and not state["skipped"]
            and not state["error"]
            and age(state) > 2 * INTERVAL + SLACK
        ]
        report(scraper)

    assert stale == []
    assert {scrape.up for scrape in scraper.scrapes} == {1.0}
    assert max(waiting) <= 1
    assert max(counts) <= 3
    assert_served(scraper)


def take_every_connection(conninfo: str, stack: ExitStack) -> None:
    for _ in range(1000):
        try:
            stack.enter_context(psycopg.connect(conninfo))
        except psycopg.OperationalError:
            return
    pytest.fail("the server never refused a connection")


@pytest.mark.promise(7)
def test_exhausted_connections_do_not_stop_polling(
    server: ThrowawayServer, tmp_path: Path
) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as admin:
        admin.execute("create role crowd login password 'c'")
    with watched(tmp_path, server) as (daemon, scraper), ExitStack() as stack:
        with census(server) as counts:
            take_every_connection(server.conninfo(user="crowd", password="c"), stack)
            time.sleep(3 * INTERVAL)
            ages = [age(c) for c in collectors(daemon) if c["name"] == "stat_activity"]
        report(scraper)

    assert {scrape.up for scrape in scraper.scrapes} == {1.0}
    assert ages[0] <= INTERVAL + SLACK
    assert max(counts) <= 3
    assert_served(scraper)


@pytest.mark.promise(8, 9)
def test_a_stopped_server_is_down_and_comes_back(
    server: ThrowawayServer, tmp_path: Path
) -> None:
    with watched(tmp_path, server) as (_, scraper):
        server.pause()
        down = wait_until(lambda: scraper.up == 0)
        time.sleep(2 * INTERVAL)
        server.resume()
        back = wait_until(lambda: scraper.up == 1)
        report(scraper, down=down, back=back)

    assert down <= 2 * INTERVAL + SLACK
    assert back <= INTERVAL + 1 + SLACK
    assert_served(scraper)


@pytest.mark.promise(8, 9)
def test_a_stalled_network_is_down_and_comes_back(
    server: ThrowawayServer, tmp_path: Path
) -> None:
    with proxied(server) as (proxy, misbehave):
        dsn = re.sub(r"port='?\d+'?", f"port={proxy.port}", reader(server))
        with (
            watched(tmp_path, server, dsn) as (_, scraper),
            census(server) as counts,
        ):
            misbehave("stall")
            down = wait_until(lambda: scraper.up == 0)
            time.sleep(2 * INTERVAL)
            misbehave("pass")
            back = wait_until(lambda: scraper.up == 1)
            report(scraper, down=down, back=back)

    assert down <= 2 * INTERVAL + SLACK
    assert back <= INTERVAL + 1 + SLACK
    assert max(counts) <= 3
    assert_served(scraper)


@pytest.mark.promise(8, 9)
@pytest.mark.parametrize("immediate", [False, True], ids=["fast", "immediate"])
def test_a_restart_is_noticed_and_survived(
    server: ThrowawayServer, tmp_path: Path, *, immediate: bool
) -> None:
    with watched(tmp_path, server) as (daemon, scraper):
        server.stop(immediate=immediate)
        down = wait_until(lambda: scraper.up == 0)
        server.start()
        back = wait_until(lambda: scraper.up == 1)
        report(scraper, down=down, back=back)
        log = daemon.log.read_text()

    assert down <= 2 * INTERVAL + SLACK
    assert back <= INTERVAL + 1 + SLACK
    assert log.count('"target_down"') == 1
    assert "Traceback" not in log
    assert_served(scraper)


@pytest.mark.promise(19)
@pytest.mark.parametrize("state", ["well", "paused", "gone"])
def test_shutdown_is_quick_and_leaves_nothing_behind(
    server: ThrowawayServer, tmp_path: Path, state: str
) -> None:
    with watched(tmp_path, server) as (daemon, _):
        if state == "paused":
            server.pause()
            time.sleep(INTERVAL)
        if state == "gone":
            server.stop()
        started = time.monotonic()
        status = daemon.stop()
        seconds = time.monotonic() - started
        if state == "paused":
            server.resume()
    print(f"\nstopped in {seconds:.2f} s")

    assert status == 0
    assert seconds < 5 + SLACK
    if state != "gone":
        wait_until(lambda: remaining(server) == 0, seconds=10)


def remaining(server: ThrowawayServer) -> int:
    with psycopg.connect(server.conninfo()) as connection:
        row = connection.execute(CENSUS).fetchone()
        return row[0] if row else 0
