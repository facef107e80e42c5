"""Real companions for the tests: Prometheus, Alertmanager and a webhook receiver.

Both the machine's own binaries and, where `TEST_BINARIES` names a folder
with other releases, those too. A missing one skips its test by name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

EXTRA = os.environ.get("TEST_BINARIES", "")
SECONDS_TO_START = 20.0


def find(*names: str) -> list[Path]:
    """Return all builds of a program that are here, the machine's own first."""
    found: list[Path] = []
    for name in names:
        own = shutil.which(name)
        for candidate in (Path(own) if own else None, Path(EXTRA) / name):
            if candidate and candidate.exists() and candidate not in found:
                found.append(candidate)
    return found


def require(*names: str) -> Path:
    """Return the first build of a program or skip the test by name."""
    builds = find(*names)
    if not builds:
        pytest.skip(f"{names[0]} is not installed")
    return builds[0]


def free_port() -> int:
    """Return a port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Companion:
    """A running program with an HTTP port; `stop(kill=True)` is a SIGKILL."""

    command: list[str]
    log: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.socket() as probe:
                probe.settimeout(0.5)
                probe.connect(("127.0.0.1", self.port))
                return
            time.sleep(0.05)
        pytest.fail(f"{self.command[0]} did not start:\n{self.log.read_text()[-2000:]}")

    def stop(self, *, kill: bool = False) -> None:
        """Stop it and wait until it is gone."""
        if self.process is None:
            return
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait(20)
        self.process = None


ALERTMANAGER = """\
global:
  resolve_timeout: 20s
route:
  receiver: hook
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: hook
    webhook_configs:
      - url: "{hook}"
        send_resolved: true
"""


@contextlib.contextmanager
def alertmanager(binary: Path, folder: Path, hook: str) -> Generator[Companion]:
    """Run an Alertmanager that notifies a webhook at once."""
    config = folder / "alertmanager.yml"
    config.write_text(ALERTMANAGER.format(hook=hook))
    port = free_port()
    companion = Companion(
        command=[
            str(binary),
            f"--config.file={config}",
            f"--storage.path={folder / 'alertmanager-data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
        log=folder / "alertmanager.log",
        port=port,
    )
    companion.start()
    try:
        yield companion
    finally:
        companion.stop()


@contextlib.contextmanager
def prometheus(binary: Path, folder: Path, config: str) -> Generator[Companion]:
    """Run a Prometheus with this configuration."""
    path = folder / "prometheus.yml"
    path.write_text(config)
    port = free_port()
    companion = Companion(
        command=[
            str(binary),
            f"--config.file={path}",
            f"--storage.tsdb.path={folder / 'prometheus-data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        log=folder / "prometheus.log",
        port=port,
    )
    companion.start()
    try:
        yield companion
    finally:
        companion.stop()
