"""Every panel asks a real Prometheus that scrapes a real daemon, and gets an answer.

Prometheus is configured as our example says, in both of its ways.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import dashboards
from tests import companions
from tests.companions import Companion
from tests.daemon import running, wait_until
from tests.grafana import interpolate
from tests.scene import scene
from tests.unit.dashboards.house_rules import Board, panels

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

EXAMPLE = "pgvigil.example:9843"
ALERTS = Path(__file__).parent.parent.parent / "alerts"
FILES = sorted(dashboards.JSON.glob("*.json"))
WAYS = {"one scrape": ["pgvigil"], "one each": ["pgvigil-servers", "pgvigil-daemon"]}
SECONDS_TO_FILL = 150.0

MAY_BE_EMPTY = {
    ("Replication lag in seconds", "B"): "a standby that has replayed all has no lag",
    ("Avoidable: by a rewrite of the policy", "A"): (
        "a saving is told only where rounds agree, which a busy machine prevents"
    ),
    ("Commands at work", "B"): "the build of an index that waits has done nothing yet",
}


def scraping(way: str, addresses: list[str]) -> str:
    """Return our example's configuration, one way of it and every two seconds."""
    config = yaml.safe_load((ALERTS / "prometheus.example.yml").read_text())
    config["global"] = dict.fromkeys(("scrape_interval", "evaluation_interval"), "2s")
    config["rule_files"] = [str(ALERTS / name) for name in config["rule_files"]]
    config["scrape_configs"] = [
        job for job in config["scrape_configs"] if job["job_name"] in WAYS[way]
    ]
    for job in config["scrape_configs"]:
        for static in job.get("static_configs", []):
            static["targets"] = addresses
        for found in job.get("http_sd_configs", [])[:1]:
            urls = [found["url"].replace(EXAMPLE, address) for address in addresses]
            job["http_sd_configs"] = [{**found, "url": url} for url in urls]
    return yaml.safe_dump(config)


@contextmanager
def demo(folder: Path) -> Generator[str]:
    """Run `pgvigil demo`, with its policies and its flaws; yield its address."""
    address = f"127.0.0.1:{companions.free_port()}"
    command = [sys.executable, "-m", "monitor", "demo", "--listen", address]
    with (folder / "demo.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Run two daemons with much to show; return where they listen."""
    folder = tmp_path_factory.mktemp("dashboards")
    nobody = f"http://127.0.0.1:{companions.free_port()}"
    receivers = {"alertmanagers": [{"url": nobody}]}
    with scene() as shown, demo(folder) as another:
        settings = {**shown.settings, "alerting": receivers}
        with running(folder, settings) as daemon:
            yield [f"127.0.0.1:{daemon.port}", another]


@pytest.fixture(scope="module")
def prometheis(
    tmp_path_factory: pytest.TempPathFactory, addresses: list[str]
) -> Iterator[dict[str, Companion]]:
    """Run a Prometheus for each way to scrape them."""
    binary = companions.require("prometheus")
    with ExitStack() as stack:
        found = {
            way: stack.enter_context(
                companions.prometheus(
                    binary, tmp_path_factory.mktemp("p"), scraping(way, addresses)
                )
            )
            for way in WAYS
        }
        wait_until(lambda: all(is_ready(each) for each in found.values()))
        yield found


def get(prometheus: Companion, path: str, **parameters: object) -> Any:
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{prometheus.url}/api/v1/{path}?{query}") as response:
        return json.load(response)["data"]


def is_ready(prometheus: Companion) -> bool:
    try:
        with urllib.request.urlopen(f"{prometheus.url}/-/ready") as response:
            return response.status == 200
    except urllib.error.HTTPError:
        return False


def answers(prometheus: Companion, target: Board) -> list[Any]:
    """Return the series that a panel would show, those with a figure in them."""
    expr = interpolate(target["expr"])
    now = time.time()
    if target["instant"]:
        found = get(prometheus, "query", query=expr, time=now)["result"]
    else:
        span = {"start": now - 180, "end": now, "step": 5}
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


@pytest.mark.parametrize("name", ["Servers restarted", "pgvigil restarted"])
def test_restarts_are_marked_with_their_moment(
    prometheis: dict[str, Companion], name: str
) -> None:
    board = json.loads(FILES[0].read_text())
    mark = next(m for m in board["annotations"]["list"] if m["name"] == name)
    expr = interpolate(mark["expr"])

    found = get(prometheis["one scrape"], "query", query=expr)["result"]

    ages = [time.time() - float(series["value"][1]) / 1000 for series in found]
    assert ages
    assert all(0 < age < 3600 for age in ages)


@pytest.mark.parametrize("name", ["Roles changed", "Actions ended"])
def test_nothing_is_marked_where_nothing_happened(
    prometheis: dict[str, Companion], name: str
) -> None:
    board = json.loads(FILES[0].read_text())
    mark = next(m for m in board["annotations"]["list"] if m["name"] == name)
    expr = interpolate(mark["expr"])

    assert get(prometheis["one scrape"], "query", query=expr)["result"] == []


def test_a_metric_that_nobody_exports_is_noticed(
    prometheis: dict[str, Companion],
) -> None:
    board = json.loads(FILES[0].read_text())
    panel = next(panels(board))
    panel["targets"][0]["expr"] = 'no_such_metric{job=~"$job"}'

    missing = empty_panels(prometheis["one scrape"], {"panels": [panel]})

    assert missing == [(panel["title"], "A")]


def test_servers_can_be_named_in_a_file(addresses: list[str], tmp_path: Path) -> None:
    binary = companions.require("prometheus")
    example = (ALERTS / "prometheus.example.yml").read_text()
    config = yaml.safe_load(example.replace(EXAMPLE, addresses[0]))
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    job = jobs["pgvigil-servers-by-file"]
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [job],
    }
    named = yaml.safe_load((ALERTS / "servers.example.yml").read_text())[0]
    named["targets"] = ["orders", "orders_standby"]
    (tmp_path / "servers.example.yml").write_text(yaml.safe_dump([named]))

    def found(prometheus: Companion) -> list[dict[str, str]]:
        answer = get(prometheus, "query", query="pg_up")["result"]
        return sorted((s["metric"] for s in answer), key=lambda m: m["server"])

    with companions.prometheus(binary, tmp_path, yaml.safe_dump(config)) as prometheus:
        wait_until(lambda: is_ready(prometheus))
        wait_until(lambda: len(found(prometheus)) == 2)

        assert [
            {
                "__name__": "pg_up",
                "instance": name,
                "job": "pgvigil",
                "server": name,
                "team": "shop",
            }
            for name in ("orders", "orders_standby")
        ] == found(prometheus)


@pytest.mark.parametrize("way", WAYS)
def test_prometheus_evaluates_our_rules(
    prometheis: dict[str, Companion], way: str
) -> None:
    def rules() -> list[Any]:
        groups = get(prometheis[way], "rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    wait_until(lambda: all(rule["health"] == "ok" for rule in rules()))

    written = [
        rule
        for name in ("pgvigil-findings.yml", "pgvigil-daemon.yml")
        for group in yaml.safe_load((ALERTS / name).read_text())["groups"]
        for rule in group["rules"]
    ]
    assert len(rules()) == len(written)


def test_findings_become_pending_alerts(prometheis: dict[str, Companion]) -> None:
    def checks() -> set[str]:
        alerts = get(prometheis["one each"], "alerts")["alerts"]
        return {alert["labels"].get("check", "") for alert in alerts}

    wait_until(lambda: "duplicate_index" in checks(), seconds=SECONDS_TO_FILL)
