"""Measures an agent against a server: scrapes, processor time, statements, traffic."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from monitor.postgres.throwaway import ThrowawayServer
from tests.benchmarks.agent import Agent, family_processor_seconds
from tests.benchmarks.workload import Churn

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What a role's statements have cost so far. Source: pg_stat_statements."""

    calls: int
    exec_milliseconds: float
    blocks: int
    temp_blocks: int

    def since(self, earlier: Statements) -> Statements:
        """Return what was added."""
        return Statements(
            calls=self.calls - earlier.calls,
            exec_milliseconds=self.exec_milliseconds - earlier.exec_milliseconds,
            blocks=self.blocks - earlier.blocks,
            temp_blocks=self.temp_blocks - earlier.temp_blocks,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One window's measurements; what is not a scrape is per cycle."""

    scrapes: tuple[float, ...]
    cycles: float
    agent_milliseconds: float
    server_milliseconds: float
    statements: Statements
    memory_bytes: int

    def percentile(self, share: float) -> float:
        """Return the scrape time that this share of scrapes does not exceed."""
        ordered = sorted(self.scrapes)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    def line(self, name: str) -> str:
        """Return the window as one line of a table."""
        per = max(self.cycles, 1e-9)
        s = self.statements
        return (
            f"  {name:<34}{self.percentile(0.5):8.1f}{self.percentile(0.95):8.1f}"
            f"{self.agent_milliseconds / per:9.0f}{self.memory_bytes / 2**20:7.0f}"
            f"{self.server_milliseconds / per:9.0f}{s.exec_milliseconds / per:8.1f}"
            f"{s.calls / per:7.1f}{s.blocks / per:9.0f}{s.temp_blocks / per:6.0f}"
            f"{self.cycles:7.1f}"
        )


HEADER = (
    f"  {'':<34}{'p50 ms':>8}{'p95 ms':>8}{'agent ms':>9}{'MB':>7}{'srv ms':>9}"
    f"{'exec ms':>8}{'calls':>7}{'blocks':>9}{'temp':>6}{'cycles':>7}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where to measure: the server, the agent's role, and how long."""

    server: ThrowawayServer
    dbname: str
    role: str
    seconds: float
    interval: float

    def background(self) -> float:
        """Return the server's processor time per second with nobody watching."""
        started = family_processor_seconds(self.server.pid)
        time.sleep(5)
        return (family_processor_seconds(self.server.pid) - started) / 5

    def window(
        self,
        agent: Agent,
        *,
        background: float,
        scrapers: int = 1,
        scrape_interval: float = 1.0,
        churn: Churn | None = None,
        is_polling: bool = True,
    ) -> Cost:
        """Measure for one window, scraping all the while.

        An agent that polls has as many cycles as its own counter says, one that
        collects when it is scraped as many as there were scrapes.
        """
        before = self._reading(agent)
        scrapes = self._scrape(agent, scrapers, scrape_interval, churn)
        after = self._reading(agent)
        seconds = after[0] - before[0]
        cycles = after[3] - before[3] if is_polling else float(len(scrapes))
        return Cost(
            scrapes=tuple(scrapes),
            cycles=cycles,
            agent_milliseconds=(after[1] - before[1]) * 1000,
            server_milliseconds=(after[2] - before[2] - background * seconds) * 1000,
            statements=after[4].since(before[4]),
            memory_bytes=agent.memory_bytes,
        )

    def _reading(self, agent: Agent) -> tuple[float, float, float, float, Statements]:
        return (
            time.monotonic(),
            agent.cpu_seconds,
            family_processor_seconds(self.server.pid),
            cycles(agent),
            self.statements(),
        )

    def _scrape(
        self, agent: Agent, scrapers: int, interval: float, churn: Churn | None
    ) -> list[float]:
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.scraper",
            str(agent.port),
            str(self.seconds),
            str(interval),
        ]
        running = [
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
            for _ in range(scrapers)
        ]
        end = time.monotonic() + self.seconds
        while churn is not None and time.monotonic() < end - self.interval:
            churn.write()
            time.sleep(self.interval)
        return [t for process in running for t in _times(process)]

    def statements(self) -> Statements:
        """Return what the role's statements have cost so far."""
        with psycopg.connect(self.server.conninfo(self.dbname)) as admin:
            row = admin.execute(_STATEMENTS, [self.role]).fetchone()
        assert row is not None
        calls, milliseconds, blocks, temp_blocks = row
        return Statements(
            calls=int(calls),
            exec_milliseconds=float(milliseconds),
            blocks=int(blocks),
            temp_blocks=int(temp_blocks),
        )


_STATEMENTS = """
    select
        coalesce(sum(s.calls), 0),
        coalesce(sum(s.total_exec_time), 0),
        coalesce(sum(s.shared_blks_hit + s.shared_blks_read), 0),
        coalesce(sum(s.temp_blks_read + s.temp_blks_written), 0)
    from pg_stat_statements(false) as s
    where s.userid = (select r.oid from pg_roles as r where r.rolname = %s)
"""


def _times(process: subprocess.Popen[bytes]) -> Sequence[float]:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, "a scraper failed"
    return json.loads(output)


def cycles(agent: Agent) -> float:
    """Return how often a polling agent has read the statements; 0 for others."""
    for line in agent.metrics().splitlines():
        if line.startswith("pgvigil_collector_runs_total") and _COUNTED in line:
            return float(line.rpartition(" ")[2])
    return 0.0


_COUNTED = 'collector="stat_statements"'
