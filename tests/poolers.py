"""A real PgBouncer in front of a test server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from monitor.postgres.binaries import account

_BINARY = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
_CONFIG = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = plain
auth_file = {directory}/users
admin_users = {user}
pool_mode = {mode}
pidfile = {directory}/pid
logfile = {directory}/log
max_client_conn = 50
default_pool_size = {pool_size}
server_round_robin = {round_robin}
{more}
"""


@dataclass(frozen=True, slots=True)
class PgBouncer:
    """A running pooler; `conninfo` leads through it, `admin` to its console."""

    conninfo: str
    admin: str


@contextmanager
def pgbouncer(
    conninfo: str,
    mode: str,
    *,
    pool_size: int = 10,
    round_robin: int = 0,
    more: str = "",
) -> Generator[PgBouncer]:
    """Run PgBouncer in a pool mode in front of the server of `conninfo`."""
    if not Path(_BINARY).exists():
        pytest.skip("pgbouncer is not installed")
    parts = {k: str(v) for k, v in conninfo_to_dict(conninfo).items()}
    owner = account()
    directory = Path(tempfile.mkdtemp(prefix="pgvigil-", dir="/tmp"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config, users = directory / "ini", directory / "users"
    password = parts["password"].replace('"', '""')
    users.write_text(f'"{parts["user"]}" "{password}"\n')
    config.write_text(
        _CONFIG.format(
            host=parts["host"],
            port=parts["port"],
            listen_port=port,
            directory=directory,
            user=parts["user"],
            mode=mode,
            pool_size=pool_size,
            round_robin=round_robin,
            more=more,
        )
    )
    for path in (directory, config, users):
        owner.own(path)
    process = subprocess.Popen(
        [_BINARY, "-q", str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=owner.uid,
        group=owner.gid,
        extra_groups=None if owner.uid is None else [],
    )
    try:
        _await_port(port, process)
        through = make_conninfo(conninfo, host="127.0.0.1", port=port)
        yield PgBouncer(through, make_conninfo(through, dbname="pgbouncer"))
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(directory)


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("pgbouncer did not start")
