"""`alerts test` against a receiver, and the exports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from monitor import resources
from monitor.cli.alerts import GRAFANA, PGVIGIL, alerts
from monitor.cli.exports import copy
from monitor.cli.root import pgvigil
from monitor.errors import ConfigError


class Receiver:
    """A small HTTP server that keeps what is posted to it."""

    def __init__(self) -> None:
        self.status = 200
        self.bodies: list[Any] = []
        self.authorizations: list[str | None] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                receiver.bodies.append(json.loads(self.rfile.read(length)))
                receiver.authorizations.append(self.headers["Authorization"])
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                del format, args

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiver.server as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield receiver
        server.shutdown()


def alerts_test(*receivers: dict[str, str], more: tuple[str, ...] = ()) -> Result:
    setting = f"alerting.alertmanagers={json.dumps(receivers)}"
    arguments = ("alerts", "test", "--set", setting, "--output", "json", *more)
    return CliRunner().invoke(pgvigil, arguments, standalone_mode=False)


def test_a_trial_alert_reaches_the_receiver(receiver: Receiver, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")

    result = alerts_test({"url": receiver.url, "token_file": str(token)})

    assert result.return_value == 0
    ((alert,),) = receiver.bodies
    assert alert["labels"] == {"alertname": "PgvigilTest", "severity": "info"}
    assert receiver.authorizations == ["Bearer secret"]


def test_a_trial_alert_can_be_resolved(receiver: Receiver) -> None:
    result = alerts_test({"url": receiver.url}, more=("--resolve",))

    assert result.return_value == 0
    ((alert,),) = receiver.bodies
    assert alert["endsAt"] == alert["startsAt"]


def test_every_receiver_that_fails_is_named(receiver: Receiver) -> None:
    dead = "http://127.0.0.1:9"

    result = alerts_test({"url": receiver.url}, {"url": dead})

    assert result.return_value == 1
    found = json.loads(result.stdout)["receivers"]
    assert [one["taken"] for one in found] == [True, False]
    assert found[1]["error"]


def test_exported_files_keep_their_folders(tmp_path: Path) -> None:
    root = tmp_path / "shipped"
    (root / "runbooks").mkdir(parents=True)
    (root / "rules.yml").write_text("groups: []")
    (root / "runbooks" / "a.md").write_text("a")

    written = copy(root.rglob("*.*"), root, tmp_path / "out")

    assert [path.relative_to(tmp_path / "out").as_posix() for path in written] == [
        "rules.yml",
        "runbooks/a.md",
    ]
    assert (tmp_path / "out" / "runbooks" / "a.md").read_text() == "a"


def test_exported_alerts_lead_to_the_addresses_given(tmp_path: Path) -> None:
    given = ("--url", "https://vigil.net/", "--grafana-url", "https://grafana.net")

    done = CliRunner().invoke(
        alerts, ["export", "--directory", str(tmp_path), *given], standalone_mode=False
    )

    text = "".join(path.read_text() for path in tmp_path.glob("pgvigil-*.yml"))
    assert done.exception is None
    assert "https://vigil.net/runbooks/deadlocks\n" in text
    assert "https://grafana.net/d/" in text
    assert PGVIGIL not in text
    assert GRAFANA not in text


@pytest.mark.requirement("S0-d")
def test_another_objective_stands_wherever_the_shipped_one_stood(
    tmp_path: Path,
) -> None:
    given = ("--availability", "99.95")

    done = CliRunner().invoke(
        alerts, ["export", "--directory", str(tmp_path), *given], standalone_mode=False
    )

    rules = (tmp_path / "pgvigil-daemon.yml").read_text()
    page = (tmp_path / "runbooks" / "availability_burn.md").read_text()
    assert done.exception is None
    assert "0.001" not in rules + page
    assert "ratio_rate1h > 14.4 * 0.0005" in rules
    assert "avg_over_time(pg_up[30d])) / 0.0005" in rules
    assert rules.count("the objective is 0.05 %") == 2
    assert "in 99.95 % of attempts over 30 days, which leaves 22 minutes" in page


def test_files_are_exported_as_shipped_unless_asked_otherwise(tmp_path: Path) -> None:
    arguments = ["export", "--directory", str(tmp_path)]

    CliRunner().invoke(alerts, arguments, standalone_mode=False)

    shipped = resources.directory("alerts")
    for name in ("pgvigil-daemon.yml", "runbooks/availability_burn.md"):
        assert (tmp_path / name).read_text() == (shipped / name).read_text()


@pytest.mark.parametrize("url", ["vigil.net", "ftp://vigil.net", "http://a?b=c"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    arguments = ["export", "--directory", str(tmp_path), "--url", url]

    done = CliRunner().invoke(alerts, arguments, standalone_mode=False)

    assert isinstance(done.exception, click.BadParameter)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")

    with pytest.raises(ConfigError, match="could not write"):
        copy([file], tmp_path, file)


def test_nothing_to_export_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to export"):
        copy([], tmp_path, tmp_path)
