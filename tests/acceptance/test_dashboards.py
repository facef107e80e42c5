"""Every panel asks a real Prometheus that scrapes a real daemon, and gets an answer.

Prometheus is configured as our example says, in both of its ways.
"""

from __future__ import annotations

import json
import math
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

import dashboards
from monitor.postgres.throwaway import ThrowawayServer
from tests import companions
from tests.companions import Companion
from tests.daemon import running, wait_until
from tests.grafana import interpolate
from tests.standby import pair
from tests.unit.dashboards.house_rules import Board, panels

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

ALERTS = Path(__file__).parent.parent.parent / "alerts"
FILES = sorted(dashboards.JSON.glob("*.json"))
WAYS = {"one scrape": ["pgvigil"], "one each": ["pgvigil-servers", "pgvigil-daemon"]}
SECONDS_TO_FILL = 90.0

MAY_BE_EMPTY = {
    ("Replication lag in seconds", "B"): "a standby that has replayed all has no lag",
}

SCHEMA = """
create extension pg_stat_statements;
create role pgvigil_reader login password 'r';
grant pg_monitor to pgvigil_reader;
create table orders (id int primary key, note text) with (autovacuum_enabled = off);
insert into orders select i, repeat('x', 100) from generate_series(1, 5000) as i;
create index orders_note on orders (note);
create index orders_note_again on orders (note);
analyze
"""
WORK = (
    "update orders set note = note || 'y' where id % 10 = 1",
    "insert into orders select 1 + max(id), 'new' from orders",
    "delete from orders where id = (select min(id) from orders where id > 100)",
    "select count(*) from (select note from orders order by note, id offset 0) as o",
)


@contextmanager
def traffic(server: ThrowawayServer) -> Generator[None]:
    """Work, hold a lock in an idle transaction, and wait for it."""
    over = threading.Event()

    def work() -> None:
        with psycopg.connect(server.conninfo()) as connection:
            connection.execute("set work_mem = '64kB'")
            while not over.wait(0.05):
                for statement in WORK:
                    connection.execute(statement.encode())
                connection.commit()
                connection.execute("select 1")
                connection.rollback()

    def wait_for_the_lock() -> None:
        with suppress(psycopg.Error), psycopg.connect(server.conninfo()) as waiting:
            waiting.execute("update orders set note = '' where id = 5")

    with psycopg.connect(server.conninfo()) as holder:
        holder.execute("update orders set note = '' where id = 5")
        threads = [threading.Thread(target=t) for t in (work, wait_for_the_lock)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            holder.rollback()
            for thread in threads:
                thread.join(20)


def targets(**conninfos: str) -> dict[str, object]:
    kinds = ("activity", "statements", "tables", "indexes", "catalog", "sizes")
    every = dict.fromkeys(kinds, "1s")
    return {
        "targets": [
            {"name": name, "dsn": conninfo, "intervals": every}
            for name, conninfo in conninfos.items()
        ]
    }


def scraping(way: str, address: str) -> str:
    """Return our example's configuration, one way of it and every second."""
    text = (ALERTS / "prometheus.example.yml").read_text()
    config = yaml.safe_load(text.replace("pgvigil.example:9843", address))
    config["global"] = dict.fromkeys(("scrape_interval", "evaluation_interval"), "1s")
    config["rule_files"] = [str(ALERTS / name) for name in config["rule_files"]]
    config["scrape_configs"] = [
        job for job in config["scrape_configs"] if job["job_name"] in WAYS[way]
    ]
    return yaml.safe_dump(config)


@pytest.fixture(scope="module")
def prometheis(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Companion]]:
    """Run a watched pair of servers with traffic, and a Prometheus for each way."""
    binary = companions.require("prometheus")
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("dashboards")
        servers = stack.enter_context(pair(18))
        with psycopg.connect(servers.primary.conninfo(), autocommit=True) as admin:
            for statement in SCHEMA.split(";"):
                admin.execute(statement.encode())
        stack.enter_context(traffic(servers.primary))
        watched = targets(
            orders=servers.primary.conninfo(user="pgvigil_reader", password="r"),
            orders_standby=servers.standby.conninfo(
                user="pgvigil_reader", password="r"
            ),
        )
        daemon = stack.enter_context(running(folder, watched))
        found: dict[str, Companion] = {}
        for way in WAYS:
            config = scraping(way, f"127.0.0.1:{daemon.port}")
            place = tmp_path_factory.mktemp("prometheus")
            found[way] = stack.enter_context(
                companions.prometheus(binary, place, config)
            )
        yield found


def get(prometheus: Companion, path: str, **parameters: object) -> Any:
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{prometheus.url}/api/v1/{path}?{query}") as response:
        return json.load(response)["data"]


def answers(prometheus: Companion, target: Board) -> list[Any]:
    """Return the series that a panel would show, those with a figure in them."""
    expr = interpolate(target["expr"])
    now = time.time()
    if target["instant"]:
        found = get(prometheus, "query", query=expr, time=now)["result"]
    else:
        span = {"start": now - 30, "end": now, "step": 2}
        found = get(prometheus, "query_range", query=expr, **span)["result"]
    return [
        series
        for series in found
        for _, value in series.get("values") or [series["value"]]
        if math.isfinite(float(value))
    ]


def empty_panels(prometheus: Companion, board: Board) -> list[tuple[str, str]]:
    return [
        (panel["title"], target["refId"])
        for panel in panels(board)
        for target in panel["targets"]
        if (panel["title"], target["refId"]) not in MAY_BE_EMPTY
        and not answers(prometheus, target)
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_panel_has_something_to_show(
    prometheis: dict[str, Companion], path: Path, way: str
) -> None:
    board = json.loads(path.read_text())

    def all_show() -> bool:
        return not empty_panels(prometheis[way], board)

    wait_until(
        all_show,
        seconds=SECONDS_TO_FILL,
        what=lambda: f"empty: {empty_panels(prometheis[way], board)}",
    )


def test_a_metric_that_nobody_exports_is_noticed(
    prometheis: dict[str, Companion],
) -> None:
    board = json.loads(FILES[0].read_text())
    panel = next(panels(board))
    panel["targets"][0]["expr"] = 'no_such_metric{job=~"$job"}'

    missing = empty_panels(prometheis["one scrape"], {"panels": [panel]})

    assert missing == [(panel["title"], "A")]


@pytest.mark.parametrize("way", WAYS)
def test_prometheus_evaluates_our_rules(
    prometheis: dict[str, Companion], way: str
) -> None:
    def rules() -> list[Any]:
        groups = get(prometheis[way], "rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    wait_until(lambda: all(rule["health"] == "ok" for rule in rules()))

    assert len(rules()) == 11


def test_findings_become_pending_alerts(prometheis: dict[str, Companion]) -> None:
    def checks() -> set[str]:
        alerts = get(prometheis["one each"], "alerts")["alerts"]
        return {alert["labels"].get("check", "") for alert in alerts}

    wait_until(lambda: "duplicate_index" in checks(), seconds=SECONDS_TO_FILL)
