"""`pgvigil run` through a night: reloads, restarts, a broken disk, systemd."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from monitor.model.target import Credentials
from tests.daemon import RunningDaemon, running, wait_until

TOKEN = "only for tests"
FAST = dict.fromkeys(("activity", "statements", "tables", "indexes"), "1s")


def target(reader: Credentials, name: str = "orders") -> dict[str, object]:
    return {"name": name, "dsn": reader.conninfo, "intervals": FAST}


def settings(*targets: Mapping[str, object], **others: object) -> dict[str, object]:
    return {"targets": list(targets), "instance": "running", **others}


def rewrite(daemon: RunningDaemon, **changes: object) -> None:
    """Change the configuration file and send SIGHUP."""
    known = yaml.safe_load(daemon.config.read_text())
    daemon.config.write_text(yaml.safe_dump({**known, **changes}))
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)


def polling(conninfo: str) -> set[int]:
    query = """
    select pid from pg_catalog.pg_stat_activity
    where application_name = 'pgvigil/running/poll'
        and datname = pg_catalog.current_database()
    """
    with psycopg.connect(conninfo) as connection:
        return {row[0] for row in connection.execute(query)}


def up(daemon: RunningDaemon) -> dict[str, float]:
    return {
        json.loads(labels)["server"]: value
        for (name, labels), value in daemon.samples().items()
        if name == "pg_up"
    }


def is_loaded(daemon: RunningDaemon) -> bool:
    return daemon.value("pgvigil_config_last_reload_successful") == 1


def test_a_reload_keeps_the_connections_of_unchanged_targets(
    reader: Credentials, conninfo: str, tmp_path: Path
) -> None:
    with running(tmp_path, settings(target(reader))) as daemon:
        wait_until(lambda: up(daemon) == {"orders": 1})
        before = polling(conninfo)

        rewrite(daemon, targets=[target(reader), target(reader, "second")])
        wait_until(lambda: up(daemon) == {"orders": 1, "second": 1})
        both = polling(conninfo)
        rewrite(daemon, targets=[target(reader)])
        wait_until(lambda: up(daemon) == {"orders": 1})
        wait_until(lambda: polling(conninfo) == before)
        mentions = b'server="second"' in daemon.get("/metrics")

    assert len(before) == 1
    assert before < both
    assert not mentions


@pytest.mark.parametrize("broken", ["targets: [", "targets: 7", "thresholds: {no: {}}"])
def test_an_invalid_file_changes_nothing_and_is_told(
    reader: Credentials, conninfo: str, tmp_path: Path, broken: str
) -> None:
    with running(tmp_path, settings(target(reader))) as daemon:
        wait_until(lambda: up(daemon) == {"orders": 1})
        before, good = polling(conninfo), daemon.config.read_text()

        daemon.config.write_text(broken)
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not is_loaded(daemon))
        after = polling(conninfo)
        daemon.config.write_text(good)
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: is_loaded(daemon))

        assert after == before
        assert up(daemon) == {"orders": 1}


def test_many_reloads_at_once_leave_one_connection(
    reader: Credentials, conninfo: str, tmp_path: Path
) -> None:
    with running(tmp_path, settings(target(reader))) as daemon:
        wait_until(lambda: up(daemon) == {"orders": 1})

        for team in ("a", "b", "c", "d", "e"):
            labels = {"labels": {"team": team}}
            rewrite(daemon, targets=[{**target(reader), **labels}])
            time.sleep(0.05)
        wait_until(lambda: b'team="e"' in daemon.get("/metrics"))

        wait_until(lambda: len(polling(conninfo)) == 1)
        assert daemon.process is not None
        assert "Traceback" not in daemon.log.read_text()


def test_a_corrupt_state_file_is_set_aside_and_told(
    reader: Credentials, tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "state.sqlite3").write_bytes(b"not a database" * 100)
    with running(tmp_path, settings(target(reader))) as daemon:
        wait_until(lambda: up(daemon) == {"orders": 1})

        error = daemon.json("/api/v1/status")["state_error"]

    assert "set aside" in error
    assert list(folder.glob("*.corrupt-*"))


def post(daemon: RunningDaemon, path: str, body: dict[str, Any]) -> int:
    request = urllib.request.Request(
        daemon.url + path,
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return int(response.status)


def findings(daemon: RunningDaemon) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = daemon.json("/api/v1/findings")["findings"]
    return found


def test_findings_and_mutes_survive_a_restart(tmp_path: Path) -> None:
    away = {"name": "away", "dsn": "host=127.0.0.1 port=1 dbname=x connect_timeout=2"}
    http = {"token": TOKEN}
    with running(tmp_path, settings(away)) as daemon:
        known = yaml.safe_load(daemon.config.read_text())
        daemon.config.write_text(
            yaml.safe_dump({**known, "http": {**known["http"], **http}})
        )
        daemon.stop()
        daemon.start()
        wait_until(lambda: bool(findings(daemon)))
        (before,) = findings(daemon)
        mute = {"reason": "known", "duration_seconds": 3600, "by": "ann"}
        post(daemon, f"/api/v1/findings/{before['id']}/mute", mute)

        daemon.stop()
        daemon.start()
        wait_until(lambda: bool(findings(daemon)))
        (after,) = findings(daemon)

    assert after["first_seen"] == before["first_seen"]
    assert (before["state"], after["state"]) == ("open", "muted")


class Receiver:
    """Takes what Alertmanager would take."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for alert in json.loads(body):
                    # Those about the watch as a whole are about no server.
                    if server := alert["labels"].get("server"):
                        receiver.seen.append((time.monotonic(), server))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                del format, args

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_the_alerts_of_a_removed_target_are_not_sent_for_ever(
    receiver: Receiver, tmp_path: Path
) -> None:
    away = {"name": "away", "dsn": "host=127.0.0.1 port=1 dbname=x"}
    alerting = {
        "alertmanagers": [{"url": receiver.url}],
        "resend": "1s",
        "hold": {"critical": "1s"},
    }
    wanted = settings(away, {**away, "name": "other"}, alerting=alerting)
    with running(tmp_path, wanted) as daemon:
        wait_until(lambda: {"away", "other"} <= {name for _, name in receiver.seen})

        rewrite(daemon, targets=[{**away, "name": "other"}])
        wait_until(lambda: set(up(daemon)) == {"other"})
        gone_at = time.monotonic() + 1
        time.sleep(4)
        late = {name for at, name in receiver.seen if at > gone_at}

    assert late == {"other"}


def test_systemd_is_told_of_start_life_and_end(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        path = tmp_path / "notify"
        notified.bind(str(path))
        notified.settimeout(20)
        environ = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1000000"}
        with running(tmp_path, settings(), environ) as daemon:
            ready = notified.recv(1000)
            alive = [notified.recv(1000) for _ in range(3)]
            status = daemon.stop()
            last = b""
            while b"STOPPING=1" not in last:
                last = notified.recv(1000)

    assert ready.startswith(b"READY=1\nSTATUS=listening on http://")
    assert set(alive) == {b"WATCHDOG=1"}
    assert (status, last) == (0, b"STOPPING=1")


def test_a_notify_socket_that_goes_does_not_end_the_daemon(tmp_path: Path) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "200000"}
    with running(tmp_path, settings(), environ) as daemon:
        time.sleep(1)

        assert daemon.status("/livez") == 200
        assert daemon.stop() == 0


def test_it_stops_within_five_seconds_with_targets_that_never_answer(
    reader: Credentials, tmp_path: Path
) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(50)
        dsn = f"host=127.0.0.1 port={hole.getsockname()[1]} dbname=x"
        silent = [{"name": f"silent-{n}", "dsn": dsn} for n in range(5)]
        with running(tmp_path, settings(target(reader), *silent)) as daemon:
            wait_until(lambda: up(daemon).get("orders") == 1)
            started = time.monotonic()

            status = daemon.stop()
            seconds = time.monotonic() - started
    print(f"\nstopped in {seconds:.2f} s")

    assert status == 0
    assert seconds < 5
