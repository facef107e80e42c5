"""`pgvigil run` as an operator meets it: versions, Prometheus, Alertmanager."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from monitor.postgres.throwaway import ThrowawayServer
from tests import companions
from tests.daemon import RunningDaemon, running, wait_until
from tests.servers import Cluster
from tests.webhook import Hook

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

FAMILIES = {
    "pg_up",
    "pg_server_info",
    "pg_postmaster_start_timestamp_seconds",
    "pg_settings_max_connections",
    "pg_stat_activity_connections",
    "pg_stat_database_xact_commit_total",
    "pg_stat_statements_calls_total",
    "pg_stat_statements_exec_time_seconds_total",
    "pg_stat_user_tables_seq_scan_total",
    "pg_stat_user_indexes_idx_scan_total",
    "pg_locks_locks",
    "pg_stat_archiver_archived_wal_total",
    "pg_table_size_bytes",
    "pg_index_size_bytes",
    "pgvigil_collector_last_success_timestamp_seconds",
    "pgvigil_threshold",
    "pgvigil_capability",
}


def prepare(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("create extension if not exists pg_stat_statements")
        connection.execute(
            "do $$ begin create role pgvigil_reader login password 'r'; "
            "exception when duplicate_object then "
            "alter role pgvigil_reader login password 'r'; end $$"
        )
        connection.execute("grant pg_monitor to pgvigil_reader")
        connection.execute("create table notes (id serial primary key, body text)")


def settings(dsn: str, **others: object) -> dict[str, object]:
    kinds = ("activity", "statements", "tables", "indexes", "catalog", "sizes")
    every = dict.fromkeys(kinds, "1s")
    return {"targets": [{"name": "orders", "dsn": dsn, "intervals": every}], **others}


@contextmanager
def traffic(conninfo: str) -> Generator[None]:
    """Run pgbench, where it is there, for as long as the block lasts."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    pgbench = shutil.which("pgbench") or (str(found[-1]) if found else None)
    if pgbench is None:
        pytest.skip("pgbench is not installed")
    subprocess.run([pgbench, "-i", "-q", conninfo], check=True, capture_output=True)
    with subprocess.Popen(
        [pgbench, "-c", "4", "-R", "100", "-T", "120", "-n", conninfo],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.kill()


def names(daemon: RunningDaemon) -> set[str]:
    return {name for name, _ in daemon.samples()}


@pytest.mark.pg("all")
async def test_every_version_shows_the_core_families(
    cluster: Cluster, conninfo: str, database: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(prepare, conninfo)
    dsn = cluster.conninfo(database, user="pgvigil_reader", password="r")
    promtool = shutil.which("promtool")

    def watch() -> tuple[set[tuple[str, str]], bytes, bytes]:
        with (
            traffic(conninfo),
            psycopg.connect(conninfo) as holder,
            running(tmp_path, settings(dsn)) as daemon,
        ):
            holder.execute("lock table notes in access share mode")
            wait_until(
                lambda: names(daemon) >= FAMILIES,
                seconds=60,
                what=lambda: f"missing: {sorted(FAMILIES - names(daemon))}",
            )
            errors = {
                (one["name"], one["error"])
                for one in daemon.json("/api/v1/targets/orders")["target"]["collectors"]
                if one["error"]
            }
            return errors, daemon.get("/metrics"), daemon.get("/metrics?target=orders")

    errors, page, one = await asyncio.to_thread(watch)

    assert errors == set()
    assert b"pgvigil_build_info" in page
    assert b"pgvigil_build_info" not in one
    if promtool is None:
        pytest.skip("promtool is not installed")
    for body in (page, one):
        assert await asyncio.to_thread(lint, promtool, body) == (0, b"")


def lint(promtool: str, body: bytes) -> tuple[int, bytes]:
    """Return what `promtool check metrics` says: status and words."""
    command = [promtool, "check", "metrics"]
    done = subprocess.run(command, input=body, capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def server() -> Iterator[ThrowawayServer]:
    with ThrowawayServer() as server:
        prepare(server.conninfo())
        yield server


def reader(server: ThrowawayServer) -> str:
    return server.conninfo(user="pgvigil_reader", password="r")


def query(prometheus: str, expression: str) -> list[dict[str, Any]]:
    """Return what Prometheus knows; nothing while it is still starting."""
    url = f"{prometheus}/api/v1/query?query={quote(expression)}"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            found: list[dict[str, Any]] = json.load(response)["data"]["result"]
    except urllib.error.HTTPError:
        return []
    return found


SCRAPE = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: whole
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: each
    http_sd_configs:
      - {{url: "http://127.0.0.1:{port}/api/v1/sd", refresh_interval: 1s}}
"""


@pytest.mark.parametrize("build", companions.find("prometheus") or [None], ids=str)
def test_a_real_prometheus_scrapes_whole_and_per_target(
    build: Path | None, server: ThrowawayServer, tmp_path: Path
) -> None:
    if build is None:
        pytest.skip("prometheus is not installed")
    with running(tmp_path, settings(reader(server))) as daemon:
        config = SCRAPE.format(port=daemon.port)
        with companions.prometheus(build, tmp_path, config) as prometheus:
            wait_until(
                lambda: len(query(prometheus.url, "pg_up == 1")) == 2, seconds=60
            )
            jobs = {
                str(sample["metric"]["job"])
                for sample in query(prometheus.url, "pg_stat_database_blks_hit_total")
            }
            up = query(prometheus.url, "min(up)")

    assert jobs == {"whole", "each"}
    assert up[0]["value"][1] == "1"


def test_scrapes_and_reads_run_no_statement(
    server: ThrowawayServer, tmp_path: Path
) -> None:
    calls = (
        "select coalesce(sum(calls), 0)::bigint from pg_stat_statements "
        "where userid = 'pgvigil_reader'::regrole"
    )

    def executed(connection: psycopg.Connection) -> int:
        row = connection.execute(calls).fetchone()
        return int(row[0]) if row else 0

    slow = dict.fromkeys(("activity", "statements", "tables", "sizes"), "1h")
    target = {"name": "orders", "dsn": reader(server), "intervals": slow}
    paths = ("/metrics", "/metrics?target=orders", "/", "/api/v1/findings")
    paths += ("/api/v1/statements", "/api/v1/tables", "/api/v1/status", "/primary")
    with (
        running(tmp_path, {"targets": [target]}) as daemon,
        psycopg.connect(server.conninfo(), autocommit=True) as admin,
    ):
        wait_until(lambda: daemon.value("pg_up", server="orders") == 1)
        time.sleep(5)
        before = executed(admin)
        for _ in range(25):
            for path in paths:
                daemon.get(path)
        after = executed(admin)

    assert after == before


NAME = "PgvigilIdleInTransaction"


@pytest.mark.parametrize(
    "build",
    companions.find("prometheus-alertmanager", "alertmanager") or [None],
    ids=str,
)
async def test_a_real_cause_reaches_alertmanager_and_resolves(
    build: Path | None,
    server: ThrowawayServer,
    tmp_path: Path,
    hook: Hook,
    hook_url: str,
) -> None:
    if build is None:
        pytest.skip("prometheus-alertmanager is not installed")

    def live() -> None:
        with companions.alertmanager(build, tmp_path, hook_url) as manager:
            wanted = settings(
                reader(server),
                thresholds={"idle_in_transaction": {"warning": 2, "critical": 600}},
                alerting={
                    "alertmanagers": [{"url": manager.url}],
                    "hold": {"warning": "1s"},
                },
            )
            with running(tmp_path, wanted) as daemon:
                wait_until(lambda: daemon.value("pg_up", server="orders") == 1)
                with psycopg.connect(server.conninfo()) as idle:
                    idle.execute("select 1")
                    wait_until(lambda: (NAME, "firing") in hook.seen, seconds=40)
                    time.sleep(3)
                    assert (NAME, "resolved") not in hook.seen
                wait_until(lambda: (NAME, "resolved") in hook.seen, seconds=40)

    await asyncio.to_thread(live)

    mine = [status for name, status in hook.seen if name == NAME]
    assert mine == ["firing", "resolved"]
