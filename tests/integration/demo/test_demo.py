"""The demo as a process: what it prints, and that it cleans up."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.demo import gym
from monitor.demo.schema import DATABASE

EXPECTED = {
    "blocked_backends": "",
    "call_not_wrapped": "orders.orders_own",
    "dead_tuples": "sessions",
    "duplicate_index": "orders_created_idx",
    "foreign_key_without_index": "orders.orders_organization_id_fkey",
    "idle_in_transaction": "",
    "invalid_index": "profiles_phone_key",
    "missing_index": "orders(user_id)",
    "policy_volatile_function": "documents.documents_of_members",
    "sequence_exhaustion": "tickets_id_seq",
    "stale_statistics": "events",
    "table_bloat": "sessions",
    "unused_index": "orders_total_idx",
}
"""Each planted flaw and the object it is in; empty for a process id."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "monitor", "demo", *arguments]


def environment(folder: Path) -> dict[str, str]:
    # The caller's own servers and settings must not matter.
    return {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(folder),
        "PGHOST": "nowhere.invalid",
        "PGOPTIONS": "-c nonsense=1",
        "PGVIGIL_NONSENSE": "1",
    }


@pytest.mark.timeout(180)
def test_one_cycle_finds_every_planted_flaw_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        command("--once", "--seconds", "25", "--output", "json"),
        capture_output=True,
        text=True,
        check=False,
        env=environment(tmp_path),
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    findings = found["findings"]
    objects = {(one["check"], one["object"]["name"]) for one in findings}
    names = {check for check, _ in objects}
    assert {(c, o) for c, o in EXPECTED.items() if o} <= objects
    assert EXPECTED.keys() <= names
    assert all(one["evidence"] for one in findings)
    assert all(one["database"] in {DATABASE, gym.DATABASE, ""} for one in findings)
    assert {
        one["database"]
        for one in findings
        if one["kind"] == "lint" and one["severity"] != "info"
    } == {DATABASE}
    assert found["server"]["login_role"] == "pgvigil_reader"
    assert found["metrics"]["series"] > 500
    assert not list(tmp_path.iterdir())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_demo_cleanly(tmp_path: Path, number: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        command("--listen", f"127.0.0.1:{port}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        server_port = int(re.findall(r"database +port (\d+)", said)[0])
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)

    assert process.returncode == 0, errors
    assert "stopped; nothing is left behind" in rest
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", server_port)) != 0
