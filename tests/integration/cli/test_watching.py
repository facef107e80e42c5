"""`run`, `once` and `check` on a real server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from monitor.model.target import Credentials
from tests.servers import READER_PASSWORD

VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}


@pytest.fixture
def environ(reader: Credentials, tmp_path: Path) -> dict[str, str]:
    """Return the environment that leads to the database as the reader."""
    parts = conninfo_to_dict(reader.conninfo)
    return {
        "PATH": os.environ["PATH"],
        "STATE_DIRECTORY": str(tmp_path),
        **{VARIABLES[k]: str(v) for k, v in parts.items() if k in VARIABLES},
    }


def pgvigil(
    environ: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )


@contextmanager
def running(environ: dict[str, str]) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Yield the process of `pgvigil run` and its URL; it is ended with the test."""
    with subprocess.Popen(
        [sys.executable, "-m", "monitor", "run", "--listen", "127.0.0.1:0"],
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                event = json.loads(line)
                if event["event"] == "listening":
                    yield process, event["url"]
                    break
        finally:
            process.kill()


def test_run_needs_no_settings_but_libpqs_environment(environ: dict[str, str]) -> None:
    with running(environ) as (process, url):
        alive = pgvigil(environ, "healthcheck", "--url", url)
        found = pgvigil(environ, "findings", "--url", url, "--output", "json")
        refused = pgvigil(environ, "actions", "approve", "1", "--url", url)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)

    assert process.returncode == 0
    assert alive.returncode == 0
    assert "findings" in json.loads(found.stdout)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: ")
    assert READER_PASSWORD not in log


def test_once_prints_one_cycle_as_json(environ: dict[str, str], database: str) -> None:
    done = pgvigil(environ, "once", "--seconds", "15", "--output", "json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert database in found["server"]["databases"]
    assert found["metrics"]["series"] > 100
    assert READER_PASSWORD not in done.stdout + done.stderr


def test_once_prints_metrics_for_prometheus(environ: dict[str, str]) -> None:
    done = pgvigil(environ, "once", "--seconds", "15", "--output", "metrics")

    assert done.returncode == 0, done.stderr
    assert 'pg_up{server="default"} 1' in done.stdout


def test_once_fails_when_no_server_is_there(environ: dict[str, str]) -> None:
    done = pgvigil({**environ, "PGPORT": "1"}, "once", "--seconds", "2")

    assert done.returncode == 2
    assert 'error: could not watch target "default"' in done.stderr


def test_check_speaks_nagios(environ: dict[str, str]) -> None:
    fine = pgvigil(environ, "check", "--seconds", "4", "--only", "archiver_failing")
    down = pgvigil({**environ, "PGPORT": "1"}, "check", "--seconds", "2")

    assert (fine.returncode, fine.stdout[:13]) == (0, "PGVIGIL OK - ")
    assert (down.returncode, down.stdout[:19]) == (2, "PGVIGIL CRITICAL - ")
