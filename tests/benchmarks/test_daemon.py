"""What watching costs: pgvigil and, beside it, postgres_exporter.

All of pgvigil's statistics are read every `INTERVAL` seconds here, far more often
than by default, so that a cycle is a whole one; the governor is given its head.
`BENCH_SECONDS` lengthens the windows.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from psycopg.conninfo import make_conninfo

from monitor.postgres.throwaway import ThrowawayServer
from tests import companions, servers
from tests.benchmarks import workload
from tests.benchmarks.agent import Agent
from tests.benchmarks.conftest import Say
from tests.benchmarks.measure import HEADER, Bench, cycles
from tests.benchmarks.proxy import CountingProxy
from tests.benchmarks.workload import LARGE, MEDIUM, SMALL, Churn, Size

SECONDS = float(os.environ.get("BENCH_SECONDS", "40"))
INTERVAL = 5
READER, EXPORTER = workload.ROLES

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def server() -> Iterator[ThrowawayServer]:
    with ThrowawayServer(workload.SETTINGS, binaries=servers.binaries(18)) as running:
        yield running


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE], ids=lambda size: size.name)
def test_watching(
    server: ThrowawayServer, size: Size, tmp_path: Path, say: Say
) -> None:
    started = time.monotonic()
    workload.create(server, size)
    relations = f"{sum(size.tables)} tables, {3 * sum(size.tables)} indexes"
    statements = f"{size.statements} statements of {size.statement_bytes} bytes"
    databases = f"{len(size.tables)} databases"
    made = f"made in {time.monotonic() - started:.0f} s"
    say(f"\n{size.name}: {relations}, {statements}, {databases}; {made}\n{HEADER}")
    try:
        _measure_pgvigil(server, size, tmp_path, say)
        _count_round_trips(server, size, tmp_path, say)
        _measure_exporter(server, size, tmp_path, say)
    finally:
        workload.drop(server, size)


def _measure_pgvigil(
    server: ThrowawayServer, size: Size, folder: Path, say: Say
) -> None:
    bench = _bench(server, size, READER)
    background = bench.background()
    with _pgvigil(server.port, size, folder) as agent:
        _warm_up(agent, size)
        idle = bench.window(agent, background=background)
        say(idle.line("pgvigil"))
        five = bench.window(agent, background=background, scrapers=5)
        say(five.line("pgvigil, 5 scrapers"))
        churn = Churn(server, size)
        try:
            writing = bench.window(agent, background=background, churn=churn)
        finally:
            churn.close()
        say(writing.line("pgvigil, a tenth changing (srv: all)"))
        _say_page(agent, say)

    assert idle.cycles > 0
    assert idle.statements.temp_blocks == 0


def _count_round_trips(
    server: ThrowawayServer, size: Size, folder: Path, say: Say
) -> None:
    with (
        CountingProxy(server.host, server.port) as proxy,
        _pgvigil(proxy.port, size, folder) as agent,
    ):
        _warm_up(agent, size)
        before, first = proxy.traffic.copy(), cycles(agent)
        time.sleep(6 * INTERVAL)
        traffic, done = proxy.traffic.since(before), cycles(agent) - first
    trips = traffic.round_trips / done
    say(
        f"  by proxy: {trips:.1f} round trips a cycle, "
        f"{trips / len(size.tables):.1f} a database; "
        f"{traffic.connections / done:.1f} new connections, "
        f"{traffic.bytes_up / done / 1024:.0f} kB up, "
        f"{traffic.bytes_down / done / 1024:.0f} kB down"
    )


def _measure_exporter(
    server: ThrowawayServer, size: Size, folder: Path, say: Say
) -> None:
    builds = companions.find("postgres_exporter", "prometheus-postgres-exporter")
    if not builds:
        say("  postgres_exporter: skipped, it is not on PATH or in TEST_BINARIES")
        return
    binary = str(builds[-1])  # the newest that was brought along, if any
    bench = _bench(server, size, EXPORTER)
    background = bench.background()
    with _exporter(binary, server, size, folder) as agent:
        agent.wait_for(r"^pg_up 1")
        one = bench.window(
            agent, background=background, scrape_interval=INTERVAL, is_polling=False
        )
        say(one.line("postgres_exporter"))
        five = bench.window(
            agent,
            background=background,
            scrape_interval=INTERVAL,
            scrapers=5,
            is_polling=False,
        )
        say(five.line("postgres_exporter, 5 scrapers"))
        _say_page(agent, say)


def _bench(server: ThrowawayServer, size: Size, role: str) -> Bench:
    return Bench(
        server=server,
        dbname=size.databases[0],
        role=role,
        seconds=SECONDS,
        interval=INTERVAL,
    )


def _warm_up(agent: Agent, size: Size) -> None:
    """Wait until every table is on the page and all definitions have been read.

    The latter are fetched a few hundred a second, on purpose.
    """
    agent.wait_for(rf'relname="t_{size.tables[-1] - 1}"')
    time.sleep(3 * INTERVAL + sum(size.tables) / 100)


def _say_page(agent: Agent, say: Say) -> None:
    lines = agent.metrics().splitlines()
    series = sum(not line.startswith("#") for line in lines)
    say(f"  {agent.name}: {series} series, {len(agent.body()) // 1024} kB compressed")


def _dsn(port: int, size: Size, role: str) -> str:
    return make_conninfo(
        host="127.0.0.1",
        port=port,
        dbname=size.databases[0],
        user=role,
        password=workload.PASSWORD,
    )


def _pgvigil(server_port: int, size: Size, folder: Path) -> Agent:
    port = companions.free_port()
    every = f"{INTERVAL}s"
    names = ("activity", "statements", "tables", "indexes", "sizes")
    settings = {
        "state_dir": str(folder / "state"),
        "instance": "bench",
        "http": {"listen": f"127.0.0.1:{port}"},
        "governor": {"budget": 1},
        "targets": [
            {
                "name": "bench",
                "dsn": _dsn(server_port, size, READER),
                "databases": list(size.databases),
                "profile": "everything",
                "connections_per_server": 5,
                "intervals": dict.fromkeys(names, every),
            }
        ],
    }
    (folder / "state").mkdir(exist_ok=True)
    config = folder / "pgvigil.yaml"
    config.write_text(yaml.safe_dump(settings))
    config.chmod(0o600)
    return Agent(
        "pgvigil",
        [sys.executable, "-m", "monitor", "run", "--config", str(config)],
        port=port,
        environment={"PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        log=folder / "pgvigil.log",
    )


def _exporter(binary: str, server: ThrowawayServer, size: Size, folder: Path) -> Agent:
    port = companions.free_port()
    options = (
        "--auto-discover-databases",
        "--collector.stat_statements",
        "--collector.stat_statements.limit=5000",
        "--collector.statio_user_indexes",
        "--collector.database_wraparound",
        "--collector.long_running_transactions",
        "--collector.process_idle",
    )
    listen = f"--web.listen-address=127.0.0.1:{port}"
    dsn = _dsn(server.port, size, EXPORTER) + " sslmode=disable"
    return Agent(
        "postgres_exporter",
        [binary, listen, *options],
        port=port,
        environment={"DATA_SOURCE_NAME": dsn},
        log=folder / "postgres_exporter.log",
    )
