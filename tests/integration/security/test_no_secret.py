"""Secrets are put everywhere they can be, and looked for everywhere they could show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError

import psycopg
import pytest
import yaml
from psycopg import sql
from psycopg.conninfo import make_conninfo

from monitor.api.routes import routes
from monitor.postgres.throwaway import ThrowawayServer
from tests.daemon import RunningDaemon, running, wait_until

pytestmark = pytest.mark.promise(14)

CANARY = "CANARY"
# Each kind has a password of its own, with what needs escaping somewhere.
PASSWORDS = {
    "keyword": f"{CANARY} it's a \\ key=word",
    "uri": f"{CANARY}@uri:/?#",
    "file": f"{CANARY}'file' \"quoted\"",
    "command": f"{CANARY} command=x",
    "wrong": f"{CANARY} wrong",
}
TOKEN = f"{CANARY}-token-0123456789"
ALL_STATEMENTS = "/api/v1/statements?limit=1000"
STATEMENTS = [
    f"alter role canary password '{CANARY} alter'",
    f"create role canary_2 password $pw${CANARY} dollar$pw$",
    f"create role canary_3 password e'{CANARY}\\' escaped'",
    f"select 1 /* ssn 123-45-6789 {CANARY} comment */",
    f"select 2 -- {CANARY} line",
    f"select '{CANARY} literal'",
    f"do $do$ begin perform '{CANARY} do'; end $do$",
    f"set my.secret = '{CANARY} set'",
    f"explain select '{CANARY} explain'",
    f"prepare canary as select '{CANARY} prepare'",
    f"comment on table notes is '{CANARY} comment'",
    f"alter system set primary_conninfo = 'password={CANARY}'",
    "select pg_reload_conf()",
    (
        f"create subscription canary connection 'host=nowhere password={CANARY}'"
        " publication p with (connect = false, slot_name = none)"
    ),
    f'create table "a /* b" as select \'{CANARY} nested\' as "$x$"',
    f"select /* outer /* inner */ {CANARY} still outer */ 1",
    f"select 'one'\n '{CANARY} continued'",
    f"select U&'{CANARY} unicode'",
]


class Gossip(BaseHTTPRequestHandler):
    """An Alertmanager that refuses, and repeats what it was told in confidence."""

    def do_POST(self) -> None:
        told = self.headers.get("Authorization", "")
        self.send_response(401)
        self.end_headers()
        self.wfile.write(f"no entry with {told}".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        del format, args


@dataclass(frozen=True, slots=True)
class Scene:
    daemon: RunningDaemon
    server: ThrowawayServer
    folder: Path
    environ: Mapping[str, str]


@pytest.fixture(scope="module")
def gossip() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Gossip) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, gossip: str) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("secrets")
    with (
        ThrowawayServer() as server,
        psycopg.connect(server.conninfo(), autocommit=True) as busy,
        psycopg.connect(server.conninfo(), autocommit=True) as blocked,
    ):
        _prepare(server)
        busy.execute("begin")
        busy.execute(f"update notes set note = '{CANARY} held'".encode())
        waiting = f"update notes set note = '{CANARY} waiting' /* {CANARY} */"
        waiter = threading.Thread(target=_run, args=(blocked, waiting), daemon=True)
        waiter.start()
        environ = {
            "PGPASSWORD": f"{CANARY} environment",
            "PGVIGIL_HTTP__TOKEN": TOKEN,
            "PGVIGIL_HTTP__EXPOSE_QUERY_TEXT": "true",
        }
        settings = _settings(server, folder, gossip)
        try:
            with running(folder, settings, environ) as daemon:
                _await(daemon, server)
                yield Scene(daemon, server, folder, environ)
        finally:
            busy.execute("rollback")
            waiter.join(10)


def _run(connection: psycopg.Connection[object], statement: str) -> None:
    connection.execute(statement.encode())


def _prepare(server: ThrowawayServer) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as admin:
        admin.execute("create extension pg_stat_statements")
        admin.execute("create role canary")
        admin.execute("create table notes (note text)")
        admin.execute("insert into notes values ('x')")
        for kind, password in PASSWORDS.items():
            is_right = kind != "wrong"
            admin.execute(
                sql.SQL("create role {} login password {} in role pg_monitor").format(
                    sql.Identifier(f"by_{kind}"),
                    sql.Literal(password if is_right else "another"),
                )
            )


def _settings(server: ThrowawayServer, folder: Path, gossip: str) -> dict[str, object]:
    def dsn(kind: str, **more: str) -> str:
        return make_conninfo(server.conninfo(user=f"by_{kind}"), **more)

    secret = folder / "password"
    secret.write_text(PASSWORDS["file"] + "\n")
    confided = folder / "alertmanager"
    confided.write_text(f"{CANARY}-alertmanager\n")
    escaped = "CANARY%40uri%3A%2F%3F%23"
    place = f"127.0.0.1:{server.port}/postgres"
    says = f"printf '%s' '{PASSWORDS['command']}'"
    complains = f"echo {CANARY} complaint >&2; echo {CANARY}; exit 3"
    targets: list[dict[str, object]] = [
        {"name": "keyword", "dsn": dsn("keyword", password=PASSWORDS["keyword"])},
        {"name": "uri", "dsn": f"postgresql://by_uri:{escaped}@{place}"},
        {"name": "file", "dsn": dsn("file"), "password_file": str(secret)},
        {
            "name": "command",
            "dsn": dsn("command"),
            "password_command": ["sh", "-c", says],
        },
        {"name": "wrong", "dsn": dsn("wrong", password=PASSWORDS["wrong"])},
        {"name": "environment", "dsn": dsn("wrong")},
        {
            "name": "complaint",
            "dsn": dsn("wrong"),
            "password_command": ["sh", "-c", complains],
        },
        {"name": "nowhere", "dsn": f"postgresql://u:{CANARY}@127.0.0.1:1/x"},
    ]
    every = dict.fromkeys(("activity", "statements", "texts", "catalog"), "1s")
    return {
        "targets": [{**target, "intervals": every} for target in targets],
        "alerting": {
            "alertmanagers": [
                {"url": gossip, "username": "u", "password_file": str(confided)},
                {"url": f"{gossip}/two", "token_file": str(confided)},
            ],
            "hold": {"critical": "0s", "warning": "0s"},
        },
        # Several targets share this server and would slow each other down.
        "governor": {"budget": 1.0},
        "logging": {"format": "json", "level": "debug"},
    }


def _await(daemon: RunningDaemon, server: ThrowawayServer) -> None:
    """Wait until everything that can be connected to and told has been."""
    expected = {"keyword", "uri", "file", "command"}

    def are_up() -> bool:
        return {
            name for name in expected if daemon.value("pg_up", server=name) == 1
        } == expected

    wait_until(are_up, what=lambda: daemon.log.read_text()[-4000:])
    # What is listed is what was executed lately.
    with psycopg.connect(server.conninfo(), autocommit=True) as admin:
        for statement in STATEMENTS:
            admin.execute(statement.encode())
    wait_until(lambda: "alter role" in daemon.get(ALL_STATEMENTS).decode())
    wait_until(lambda: "alertmanager_" in daemon.log.read_text())


def found_in(text: str) -> list[str]:
    """Return the lines in which a secret shows."""
    return [line for line in text.splitlines() if CANARY in line or "123-45" in line]


@pytest.mark.requirement("X10")
def test_no_line_of_the_log_has_a_secret(scene: Scene) -> None:
    log = scene.daemon.log.read_text()

    events = [json.loads(line) for line in log.splitlines()]
    assert found_in(log) == []
    assert {"wrong", "complaint", "nowhere"} <= {
        event.get("target") for event in events if event["event"] == "target_down"
    }


def paths(daemon: RunningDaemon) -> Iterator[str]:
    """Yield every path that answers a GET, with each id that there is."""
    for route in routes():
        if route.method != "GET":
            continue
        if route.listing is None or not route.is_single:
            yield route.path.replace("{name}", "query_time")
            continue
        name = route.listing.name
        for item in daemon.json(f"/api/v1/{name}")[name][:50]:
            yield route.path.replace("{id}", str(item[route.listing.key]))


def body(daemon: RunningDaemon, path: str, **headers: str) -> str:
    try:
        return daemon.get(path, headers).decode()
    except HTTPError as error:
        return error.read().decode()


@pytest.mark.requirement("X10")
def test_nothing_that_is_served_has_a_secret(scene: Scene) -> None:
    served = {
        f"{path} {accept}": body(scene.daemon, path, Accept=accept)
        for path in paths(scene.daemon)
        for accept in ("text/html", "application/json", "application/openmetrics-text")
    }
    statements = served[ALL_STATEMENTS] = body(scene.daemon, ALL_STATEMENTS)
    for target in ("wrong", "complaint", "nowhere"):
        served[target] = body(scene.daemon, f"/metrics?target={target}")

    assert len(served) > 50
    assert {
        path: found for path, text in served.items() if (found := found_in(text))
    } == {}
    # The statements themselves are there, with everything but the secrets.
    assert "alter role" in statements
    assert "create subscription" in statements


def post(daemon: RunningDaemon, path: str, token: str) -> tuple[int, str]:
    request = urllib.request.Request(
        daemon.url + path,
        data=b"{}",
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_refusals_repeat_neither_tokens_nor_settings(scene: Scene) -> None:
    good = scene.daemon.config.read_text()
    broken = {"targets": [{"name": "a", "dsn": f"postgresql://u:{CANARY}@h:no/x"}]}
    scene.daemon.config.write_text(yaml.safe_dump(broken))
    try:
        wrong = post(scene.daemon, "/-/reload", f"{TOKEN}-almost")
        failed = post(scene.daemon, "/-/reload", TOKEN)
        status = body(scene.daemon, "/api/v1/status") + body(scene.daemon, "/")
    finally:
        scene.daemon.config.write_text(good)
        restored = post(scene.daemon, "/-/reload", TOKEN)

    assert (wrong[0], failed[0] >= 400, restored[0]) == (401, True, 200)
    assert "connection string" in failed[1]
    assert found_in(wrong[1] + failed[1] + status) == []
    assert found_in(scene.daemon.log.read_text()) == []


def test_the_state_file_has_no_secret(scene: Scene) -> None:
    files = [p for p in (scene.folder / "state").rglob("*") if p.is_file()]

    leaking = [p.name for p in files if CANARY.encode() in p.read_bytes()]

    assert files
    assert leaking == []


def command(scene: Scene, *arguments: str, **environ: str) -> str:
    """Run a command and return all that it prints."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    done = subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        env={**kept, **scene.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return f"{done.returncode}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("output", ["table", "json"])
def test_the_settings_are_shown_without_secrets(scene: Scene, output: str) -> None:
    shown = command(
        scene,
        "config",
        "show",
        "--config",
        str(scene.daemon.config),
        "--output",
        output,
    )

    assert shown.startswith("0\n")
    assert "by_keyword" in shown
    assert found_in(shown) == []


BROKEN = [
    {"targets": [{"name": "a", "dsn": f"postgresql://u:{CANARY}@h:no/x"}]},
    {"targets": [{"name": "a", "dsn": f"host=h password={CANARY} {CANARY}"}]},
    {"targets": [{"name": "a", "dsn": f"postgresql://u:{CANARY}@@h/x"}]},
    {"targets": [{"dsn": f"postgresql://u:with@{CANARY}@h/x"}]},
    {"targets": [{"name": "a", "dsn": ["x", CANARY]}]},
    {"targets": [{"name": "a", "libpq": {"pasword": CANARY}}]},
    {"targets": [{"name": "a", "libpq": {"password": [CANARY]}}]},
    {"targets": [{"name": "a", "passwrd": CANARY}]},
    {"targets": [{"name": "a", "password_command": f"echo '{CANARY}"}]},
    {"targets": [{"name": "a", "ddl": {"user": "d", "password": {"x": CANARY}}}]},
    {"targets": f"postgresql://u:{CANARY}@h/x"},
    {"http": {"token": [CANARY]}},
    {"http": {"tokn": CANARY}},
    {"http": {"token": CANARY, "token_file": "/nowhere"}},
    {"alerting": {"alertmanagers": [f"http://u:{CANARY}@h:9093"]}},
    {"alerting": {"alertmanagers": [{"url": f"ftp://u:{CANARY}@h"}]}},
]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_what_is_wrong_with_settings_is_told_without_the_value(
    scene: Scene, tmp_path: Path, broken: Mapping[str, object]
) -> None:
    config = tmp_path / "broken.yaml"
    config.write_text(yaml.safe_dump(dict(broken)))

    # What the environment says would hide what is wrong with the file's token.
    environ = {"PGVIGIL_HTTP__TOKEN": ""} if "http" in broken else {}

    told = command(
        scene, "config", "validate", "--debug", "--config", str(config), **environ
    )

    assert told.startswith("2\n")
    assert "error: " in told
    assert found_in(told) == []


UNREACHABLE = [
    ["once", "--seconds", "2"],
    ["check", "--seconds", "2"],
    ["install", "--all-databases"],
    ["uninstall", "--yes"],
    ["migrate", "status"],
]


@pytest.mark.parametrize("arguments", UNREACHABLE, ids=" ".join)
@pytest.mark.parametrize("kind", ["wrong", "malformed"])
def test_a_command_that_cannot_connect_says_so_without_the_password(
    scene: Scene, tmp_path: Path, arguments: list[str], kind: str
) -> None:
    user = scene.server.conninfo(user="by_wrong")
    dsn = {
        "wrong": make_conninfo(user, password=PASSWORDS["wrong"]),
        "malformed": f"postgresql://u:{CANARY}@127.0.0.1:1:2/x",
    }[kind]
    config = tmp_path / "one.yaml"
    target = {"name": "one", "dsn": dsn}
    state = str(tmp_path / "state")
    config.write_text(yaml.safe_dump({"targets": [target], "state_dir": state}))

    told = command(scene, *arguments, "--debug", "--config", str(config))
    given = command(scene, *arguments, "--debug", "--dsn", dsn)

    assert not told.startswith("0\n")
    assert "error: " in told or "UNKNOWN" in told or "CRITICAL" in told
    assert found_in(told) == []
    assert found_in(given) == []


ASKING = [["findings"], ["actions", "list"], ["check"], ["rls"], ["indexes"]]


@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_a_command_that_cannot_ask_a_daemon_keeps_its_token(
    scene: Scene, tmp_path: Path, arguments: list[str]
) -> None:
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    place = f"http://u:{CANARY}@127.0.0.1:1"

    told = command(
        scene, *arguments, "--debug", "--url", place, "--token-file", str(secret)
    )

    assert told.startswith(("2\n", "3\n"))
    assert found_in(told) == []
