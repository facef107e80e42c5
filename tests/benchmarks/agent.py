"""A monitoring process under measurement: its CPU, its memory, its metrics page."""

from __future__ import annotations

import gzip
import http.client
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
_ACCEPT = {
    "Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
    "Accept-Encoding": "gzip",
}


class Agent:
    """A process that serves `/metrics` on a local port, as a context manager."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        port: int,
        environment: Mapping[str, str],
        log: Path,
    ) -> None:
        """Prepare to run `command`; its output goes to `log`."""
        self.name = name
        self.port = port
        self._command = command
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env={"PATH": os.environ.get("PATH", ""), **self._environment},
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._running
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the agent was not started"
        return self._process

    def wait_for(self, pattern: str, *, seconds: float = 60) -> None:
        """Wait until a line of the metrics page matches."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self._running.poll() is None, self._log.read_text()[-3000:]
            try:
                if re.search(pattern, self.metrics(), re.MULTILINE):
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise TimeoutError(
            f"{self.name}: no {pattern!r}\n{self._log.read_text()[-3000:]}"
        )

    def metrics(self) -> str:
        """Return the metrics page."""
        return gzip.decompress(self.body()).decode()

    def body(self) -> bytes:
        """Return the metrics page as it is sent to Prometheus."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/metrics", headers=_ACCEPT)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        return body if body.startswith(b"\x1f\x8b") else gzip.compress(body, 1)

    @property
    def cpu_seconds(self) -> float:
        """Return the processor time used so far. Source: /proc/PID/stat."""
        return processor_seconds(self._running.pid)

    @property
    def memory_bytes(self) -> int:
        """Return the resident memory. Source: /proc/PID/status."""
        status = Path(f"/proc/{self._running.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0


def processor_seconds(pid: int, *, with_children: bool = False) -> float:
    """Return a process's processor time; with that of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    last = 15 if with_children else 13
    return sum(map(int, fields[11:last])) / _TICKS


def family_processor_seconds(pid: int) -> float:
    """Return the processor time of a server: postmaster and all its backends."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = processor_seconds(pid, with_children=True)
    for child in children:
        try:
            total += processor_seconds(int(child))
        except FileNotFoundError:
            continue
    return total
