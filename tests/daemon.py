"""A real daemon in a process of its own, for tests of the whole."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.companions import free_port

SECONDS_TO_START = 30.0


@dataclass(slots=True)
class RunningDaemon:
    """`pgvigil run` with a configuration file; `log` holds its standard error."""

    config: Path
    log: Path
    port: int
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Return its process id."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "monitor", "run", "--config"]
        environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PG")},
            **self.environ,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, str(self.config)], stdout=log, stderr=log, env=environ
            )
        wait_until(lambda: self.status("/livez") == 200, what=self._failure)

    def _failure(self) -> str:
        return f"the daemon did not start:\n{self.log.read_text()[-4000:]}"

    def stop(self, *, signal_number: int = signal.SIGTERM) -> int:
        """Stop it and return its exit status."""
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(signal_number)
        return process.wait(20)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of a GET."""
        request = urllib.request.Request(self.url + path, headers=dict(headers or {}))
        with urllib.request.urlopen(request, timeout=10) as response:
            body: bytes = response.read()
            return body

    def status(self, path: str) -> int:
        """Return the HTTP status of a GET, 0 when nobody listens."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def json(self, path: str) -> Any:
        """Return the JSON of a GET."""
        return json.loads(self.get(path))

    def samples(self, path: str = "/metrics") -> dict[tuple[str, str], float]:
        """Return all samples by name and sorted labels; none before the first cycle."""
        try:
            text = self.get(path).decode()
        except urllib.error.HTTPError as error:
            if error.code == 503:
                return {}
            raise
        return {
            (sample.name, json.dumps(sample.labels, sort_keys=True)): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """Return the one sample with this name and at least these labels."""
        found = [
            value
            for (sample, text), value in self.samples().items()
            if sample == name and labels.items() <= json.loads(text).items()
        ]
        if len(found) > 1:
            pytest.fail(f"{len(found)} samples of {name} have labels {labels}")
        return found[0] if found else None


@contextlib.contextmanager
def running(
    folder: Path,
    settings: Mapping[str, object],
    environ: Mapping[str, str] | None = None,
) -> Generator[RunningDaemon]:
    """Run a daemon with these settings until the block ends."""
    port = free_port()
    config = folder / "pgvigil.yaml"
    defaults: dict[str, object] = {
        "state_dir": str(folder / "state"),
        "http": {"listen": f"127.0.0.1:{port}"},
        "logging": {"format": "json"},
    }
    config.write_text(yaml.safe_dump({**defaults, **settings}))
    daemon = RunningDaemon(
        config=config, log=folder / "daemon.log", port=port, environ=environ or {}
    )
    daemon.start()
    try:
        yield daemon
    finally:
        if daemon.process is not None:
            daemon.process.kill()
            daemon.process.wait(20)


def wait_until(
    holds: Callable[[], bool],
    *,
    seconds: float = SECONDS_TO_START,
    what: Callable[[], str] = lambda: "it did not happen in time",
) -> float:
    """Wait until something holds; return how many seconds that took."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if holds():
            return time.monotonic() - started
        time.sleep(0.05)
    pytest.fail(what())
