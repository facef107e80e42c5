"""Many targets in one process: none delays another, and the set changes at run time."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from monitor.postgres.throwaway import ThrowawayServer
from tests.daemon import RunningDaemon, running, wait_until

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

INTERVAL = 5.0
"""The default interval of what is read most often."""
BACKENDS = """
select pid from pg_catalog.pg_stat_activity
where application_name like 'pgvigil/%/poll' order by pid
"""


@pytest.fixture
def server() -> Iterator[ThrowawayServer]:
    with ThrowawayServer({"max_connections": "200"}) as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute("create extension pg_stat_statements")
            connection.execute("create role pgvigil_reader login password 'first'")
            connection.execute("grant pg_monitor to pgvigil_reader")
        yield server


@pytest.fixture
def black_hole() -> Iterator[int]:
    """Listen and never answer: connections are taken by the kernel, bytes ignored."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield int(listener.getsockname()[1])


def group(address: str, *names: str) -> list[dict[str, object]]:
    """Return one file_sd group for each name at an address."""
    return [
        {"targets": [address], "labels": {"server": name, "team": "payments"}}
        for name in names
    ]


def settings(folder: Path, password_file: Path) -> dict[str, object]:
    return {
        # All targets are one server here, whose cost each of them sees as its own.
        "governor": {"budget": 1},
        "target_files": [str(folder / "targets.json")],
        "target_files_refresh": "1s",
        "target_defaults": {
            "libpq": {"user": "pgvigil_reader", "dbname": "postgres"},
            "password_file": str(password_file),
        },
    }


def write(path: Path, groups: list[dict[str, object]]) -> None:
    """Replace a file at once, as configuration management does."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(groups))
    new.rename(path)


def by_server(daemon: RunningDaemon, name: str) -> dict[str, float]:
    """Return one metric of every target; parsing the whole page would take a core."""
    pattern = rf'^{name}{{[^}}]*server="([^"]+)"[^}}]*}} (\S+)$'
    found = re.findall(pattern, daemon.get("/metrics").decode(), re.MULTILINE)
    return {server: float(value) for server, value in found}


def up(daemon: RunningDaemon) -> dict[str, float]:
    return by_server(daemon, "pg_up")


def ages(daemon: RunningDaemon) -> dict[str, float]:
    last = by_server(daemon, "pgvigil_last_cycle_timestamp_seconds")
    now = time.time()
    return {server: now - at for server, at in last.items()}


def polling_backends(server: ThrowawayServer) -> set[int]:
    with psycopg.connect(server.conninfo()) as connection:
        return {row[0] for row in connection.execute(BACKENDS)}


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("first\n")
    return path


def test_a_fifth_of_black_holes_delays_nobody(
    server: ThrowawayServer, black_hole: int, password_file: Path, tmp_path: Path
) -> None:
    good = [f"good-{number}" for number in range(16)]
    bad = [f"bad-{number}" for number in range(4)]
    write(
        tmp_path / "targets.json",
        group(f"127.0.0.1:{server.port}", *good)
        + group(f"127.0.0.1:{black_hole}", *bad),
    )
    oldest = dict.fromkeys(good, 0.0)
    with running(tmp_path, settings(tmp_path, password_file)) as daemon:
        wait_until(lambda: all(up(daemon).get(name) == 1 for name in good))
        deadline = time.monotonic() + 6 * INTERVAL
        while time.monotonic() < deadline:
            now = ages(daemon)
            oldest = {name: max(oldest[name], now[name]) for name in good}
            time.sleep(0.5)
        states = up(daemon)
    print(f"\noldest sample of a good target: {max(oldest.values()):.2f} s")

    assert [states[name] for name in bad] == [0, 0, 0, 0]
    assert max(oldest.values()) <= INTERVAL + 1


def test_targets_come_and_go_by_file_and_others_keep_their_connections(
    server: ThrowawayServer, password_file: Path, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{server.port}"
    path = tmp_path / "targets.json"
    stay = [f"stay-{number}" for number in range(5)]
    leave = [f"leave-{number}" for number in range(10)]
    come = [f"come-{number}" for number in range(10)]
    write(path, group(address, *stay))
    with running(tmp_path, settings(tmp_path, password_file)) as daemon:
        wait_until(lambda: set(up(daemon).values()) == {1.0} and len(up(daemon)) == 5)
        before = polling_backends(server)
        write(path, group(address, *stay, *leave))
        wait_until(lambda: len(up(daemon)) == 15 and set(up(daemon).values()) == {1.0})

        write(path, group(address, *stay, *come))
        seconds = wait_until(
            lambda: (
                set(up(daemon)) == {*stay, *come} and set(up(daemon).values()) == {1.0}
            )
        )
        kept = before & polling_backends(server)
        labels = {
            json.loads(labels).get("team")
            for (name, labels) in daemon.samples()
            if name.startswith("pg_stat_database")
        }
    print(f"\nten added and ten removed in {seconds:.2f} s, with a re-read each second")

    assert kept == before
    assert labels == {"payments"}
    assert seconds <= 1 + 2 + 2


def test_a_broken_file_keeps_the_targets(
    server: ThrowawayServer, password_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "targets.json"
    write(path, group(f"127.0.0.1:{server.port}", "orders"))
    with running(tmp_path, settings(tmp_path, password_file)) as daemon:
        wait_until(lambda: up(daemon) == {"orders": 1.0})

        path.write_text("[{")
        wait_until(lambda: "discovery_failed" in daemon.log.read_text())
        time.sleep(INTERVAL)

        assert up(daemon) == {"orders": 1.0}


def test_a_rotated_password_costs_at_most_one_sample(
    server: ThrowawayServer, password_file: Path, tmp_path: Path
) -> None:
    write(tmp_path / "targets.json", group(f"127.0.0.1:{server.port}", "orders"))
    with running(tmp_path, settings(tmp_path, password_file)) as daemon:
        wait_until(lambda: up(daemon) == {"orders": 1.0})
        with psycopg.connect(server.conninfo(), autocommit=True) as admin:
            admin.execute("alter role pgvigil_reader password 'second'")
            password_file.write_text("second\n")
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name like 'pgvigil/%'"
            )

        down = 0.0
        started = time.monotonic()
        while time.monotonic() - started < 4 * INTERVAL:
            if up(daemon) != {"orders": 1.0}:
                down = time.monotonic() - started
            time.sleep(0.05)
        log = daemon.log.read_text()
    print(f"\npg_up was 0 until {down:.2f} s after the password changed")

    assert down <= 2 * INTERVAL
    assert "second" not in log
    assert "first" not in log
