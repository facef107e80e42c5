"""A throw-away PostgreSQL server for demos, shadow planning and tests.

It listens on 127.0.0.1 only, belongs to an unprivileged account even when started
by root, and is gone with all its files when its owner ends, however it ends.
Crash safety is traded for speed: never keep anything in it.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from psycopg.conninfo import make_conninfo

from monitor.errors import TargetUnreachable
from monitor.postgres import binaries as postgres_binaries
from monitor.postgres import watchdog

DEFAULT_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "listen_addresses": "127.0.0.1",
        "logging_collector": "off",
        "max_connections": "60",
        "shared_buffers": "32MB",
        "shared_preload_libraries": "pg_stat_statements",
        "track_functions": "all",
        "track_io_timing": "on",
        "wal_level": "replica",
    }
)
# What line 8 of postmaster.pid says of a primary and of a standby.
_TAKES_CONNECTIONS = ("ready", "standby")
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_ATTEMPTS = 3


class ThrowawayServer:
    """A running server, as a context manager.

    `settings` are added to `DEFAULT_SETTINGS`. `binaries` is the folder that
    holds `postgres` and `initdb`; by default the newest that is installed.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        settings: Mapping[str, str] = MappingProxyType({}),
        binaries: Path | None = None,
    ) -> None:
        self.settings: Mapping[str, str] = {**DEFAULT_SETTINGS, **settings}
        self.port = 0
        self._binaries = binaries
        self._password = secrets.token_urlsafe(16)
        self._account = postgres_binaries.account()
        self._directory = Path("/nonexistent")
        self._postmaster: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._prepare()
            self.start()
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._discard()

    @property
    def pid(self) -> int:
        """Return the postmaster's process id.

        Raises:
            TargetUnreachable: the server is stopped.
        """
        if self._postmaster is None:
            raise TargetUnreachable("the throw-away server is not running")
        return self._postmaster.pid

    @property
    def directory(self) -> Path:
        """Return the folder of its files: `data`, `log` and the socket."""
        return self._directory

    @property
    def log(self) -> str:
        """Return what the server has logged so far."""
        return (self._directory / "log").read_text(errors="replace")

    def conninfo(
        self,
        dbname: str = "postgres",
        user: str = "postgres",
        password: str | None = None,
    ) -> str:
        """Return how to connect; the superuser's password is filled in."""
        if password is None and user == "postgres":
            password = self._password
        return make_conninfo(
            host=self.host, port=self.port, dbname=dbname, user=user, password=password
        )

    def start(self) -> None:
        """Start the server on its data and wait until it takes connections.

        Raises:
            TargetUnreachable: it did not start; the detail is the end of its log.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            # A chosen port stays: clients of a restarted server know only that.
            self.port = self.port or _free_port()
            try:
                self._launch()
            except TargetUnreachable as error:
                if "could not create any TCP" not in error.detail:
                    raise
                if attempt == _ATTEMPTS:
                    raise
                self.port = 0
            else:
                return

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server and keep its data; `immediate` leaves crash recovery."""
        if self._postmaster is None:
            return
        self.resume()
        self._postmaster.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        try:
            self._postmaster.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            watchdog.send(watchdog.family(self._postmaster.pid), signal.SIGKILL)
            self._postmaster.wait()
        self._postmaster = None
        self._tell(watchdog.NONE)

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start the server on the same port."""
        self.stop(immediate=immediate)
        self.start()

    def pause(self) -> None:
        """Freeze every process of the server: it stays connected and says nothing."""
        # The postmaster first, or it could start a process that is missed.
        watchdog.send((self.pid,), signal.SIGSTOP)
        watchdog.send(watchdog.family(self.pid), signal.SIGSTOP)

    def resume(self) -> None:
        """Let every process of the server go on."""
        watchdog.send(watchdog.family(self.pid), signal.SIGCONT)

    def _prepare(self) -> None:
        # TMPDIR and pytest's folders are closed to the account that root drops to,
        # and a socket's path may have at most 107 bytes.
        base = "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108
        self._directory = Path(tempfile.mkdtemp(prefix="pgvigil-", dir=base))
        self._account.own(self._directory)
        self._watchdog = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-I", "-S", watchdog.__file__, str(self._directory)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        self._binaries = postgres_binaries.reachable(
            self._binaries or postgres_binaries.find(), self._account, self._directory
        )
        self._initialise(self._binaries)

    def _initialise(self, binaries: Path) -> None:
        password_file = self._directory / "password"
        password_file.write_text(self._password)
        self._account.own(password_file)
        done = self._account.run(
            binaries / "initdb",
            f"--pgdata={self._directory / 'data'}",
            f"--pwfile={password_file}",
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        password_file.unlink()
        if done.returncode != 0:
            raise TargetUnreachable(
                "could not initialise a throw-away server",
                detail=(done.stderr or done.stdout).strip(),
            )

    def _launch(self) -> None:
        self._tell(watchdog.STARTING)
        options = [f"--{name}={value}" for name, value in self.settings.items()]
        with (self._directory / "log").open("ab") as log:
            self._postmaster = subprocess.Popen(  # noqa: S603 - found binaries
                [
                    f"{self._binaries}/postgres",
                    f"-D{self._directory / 'data'}",
                    f"-p{self.port}",
                    f"-k{self._directory}",
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                env=postgres_binaries.ENVIRONMENT,
                user=self._account.uid,
                group=self._account.gid,
                extra_groups=None if self._account.uid is None else [],
            )
        self._tell(str(self._postmaster.pid))
        self._await_ready(self._postmaster)

    def _await_ready(self, postmaster: subprocess.Popen[bytes]) -> None:
        status = self._directory / "data" / "postmaster.pid"
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and postmaster.poll() is None:
            with contextlib.suppress(OSError):
                lines = status.read_text().splitlines()
                # A crashed server's file stays; line 1 tells whose it is.
                is_own = lines[:1] == [str(postmaster.pid)]
                if is_own and "".join(lines[7:8]).strip() in _TAKES_CONNECTIONS:
                    return
            time.sleep(0.01)
        self.stop(immediate=True)
        detail = self.log[-2000:].strip()
        raise TargetUnreachable("could not start a throw-away server", detail=detail)

    def _tell(self, message: str) -> None:
        if self._watchdog and self._watchdog.stdin:
            self._watchdog.stdin.write(f"{message}\n")
            self._watchdog.stdin.flush()

    def _discard(self) -> None:
        try:
            self.stop()
        finally:
            if self._watchdog and self._watchdog.stdin:
                self._watchdog.stdin.close()
                self._watchdog.wait()
            shutil.rmtree(self._directory, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
