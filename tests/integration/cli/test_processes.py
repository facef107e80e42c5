"""`pgvigil` as a process: start, exit status, output streams."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

CANARY = "hunter2"


def pgvigil(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], **environ},
    )


class Livez(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/livez" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        del format, args


@pytest.fixture(params=[200, 503])
def livez(request: pytest.FixtureRequest) -> Iterator[tuple[int, str]]:
    """Return the status that a small server answers, and its URL."""
    handler = type("Handler", (Livez,), {"status": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield request.param, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_healthcheck_tells_by_exit_status(livez: tuple[int, str]) -> None:
    status, url = livez

    done = pgvigil("healthcheck", "--url", url)

    assert done.returncode == (0 if status == 200 else 1)
    assert not done.stdout


def test_healthcheck_finds_its_own_daemon_by_the_settings() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    done = pgvigil("healthcheck", PGVIGIL_HTTP__LISTEN=f"0.0.0.0:{port}")

    assert done.returncode == 1
    assert "could not ask the daemon" in done.stderr


def test_healthcheck_refuses_other_arguments() -> None:
    assert pgvigil("healthcheck", "--nonsense").returncode == 2
    assert pgvigil("healthcheck", "--url", "nonsense").returncode == 1
    assert pgvigil("healthcheck", "--help").returncode == 0


def test_healthcheck_imports_little() -> None:
    code = """
import sys
before = set(sys.modules)
import monitor.cli.healthcheck
heavy = {"click", "pydantic", "psycopg", "aiohttp", "structlog", "http", "ssl", "json"}
print(sorted(heavy & (set(sys.modules) - before)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


def test_errors_are_on_standard_error_with_status_2() -> None:
    done = pgvigil("config", "validate", PGVIGIL_HTP__LISTEN=CANARY)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        'error: environment variable "PGVIGIL_HTP__LISTEN" sets nothing',
        'hint: Did you mean "PGVIGIL_HTTP"?',
    ]


def test_an_unreachable_server_is_an_error_without_a_secret() -> None:
    done = pgvigil(
        "migrate",
        "status",
        PGHOST="127.0.0.1",
        PGPORT="1",
        PGUSER="u",
        PGPASSWORD=CANARY,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert CANARY not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m monitor explain | head -1"

    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert not done.stderr


def test_check_without_a_daemon_is_unknown() -> None:
    done = pgvigil("check", "--url", "http://127.0.0.1:9")

    assert done.returncode == 3
    assert done.stdout.startswith("PGVIGIL UNKNOWN - could not reach the daemon")


def test_findings_without_a_daemon_say_where_it_was_looked_for() -> None:
    done = pgvigil("findings", PGVIGIL_URL="http://127.0.0.1:9")

    assert done.returncode == 2
    assert 'could not reach the daemon at "http://127.0.0.1:9"' in done.stderr
    assert "hint: Is it running?" in done.stderr


@pytest.mark.parametrize("url", ["ftp://h", "http://u:hunter2@h", "http://h:x", "h"])
def test_a_url_that_makes_no_sense_is_refused(url: str) -> None:
    done = pgvigil("findings", "--url", url)

    assert done.returncode == 2
    assert CANARY not in done.stderr
