"""What deploy/ holds is whole: its files name each other rightly and can be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import dashboards
from monitor.settings import load
from tests.unit.dashboards.house_rules import Board

ROOT = Path(__file__).parent.parent.parent
COMPOSE = ROOT / "deploy" / "compose"
PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"
DOCUMENTS = sorted((ROOT / "deploy").rglob("*.y*ml"))
BUILT_HERE = "pgvigil:local"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def services() -> dict[str, Board]:
    return read(COMPOSE / "compose.yaml")["services"]


def mounts(service: Board) -> dict[str, str]:
    """Return the places in a container with what is put there."""
    return {
        place: source
        for source, place, *_ in (each.split(":") for each in service["volumes"])
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_document_can_be_read(path: Path) -> None:
    assert read(path)


@pytest.mark.parametrize("name", services())
def test_images_are_pinned_by_tag(name: str) -> None:
    image = services()[name]["image"]

    assert re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", image) or image == BUILT_HERE


@pytest.mark.parametrize("name", services())
def test_what_is_mounted_is_there(name: str) -> None:
    named = read(COMPOSE / "compose.yaml")["volumes"]

    for source in mounts(services()[name]).values():
        assert source in named or (COMPOSE / source).exists()


@pytest.mark.parametrize("name", services())
def test_secrets_are_declared_and_never_written_down(name: str) -> None:
    document = read(COMPOSE / "compose.yaml")
    environment = services()[name].get("environment", {})

    assert set(services()[name].get("secrets", [])) <= set(document["secrets"])
    for key, value in environment.items():
        assert "PASSWORD" not in key or value.startswith("/run/secrets/")


@pytest.mark.parametrize("name", services())
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    ports = services()[name].get("ports", [])

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_daemon_finds_its_settings_usable() -> None:
    settings = load(COMPOSE / "pgvigil.yaml", environ={})

    assert [target.name for target in settings.targets] == ["postgres"]
    assert settings.alerting.owner == "prometheus"


def test_grafana_finds_the_dashboards_where_they_are_put() -> None:
    (provider,) = read(PROVISIONING / "dashboards" / "pgvigil.yaml")["providers"]
    grafana = mounts(services()["grafana"])

    source = grafana[provider["options"]["path"]]

    assert (COMPOSE / source).resolve() == dashboards.JSON
    assert (COMPOSE / grafana["/etc/grafana/provisioning"]).resolve() == PROVISIONING


def test_grafana_asks_the_prometheus_that_scrapes_the_daemon() -> None:
    (source,) = read(PROVISIONING / "datasources" / "pgvigil.yaml")["datasources"]
    config = read(COMPOSE / "prometheus.yml")
    (job,) = config["scrape_configs"]

    assert source["type"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]
    assert job["static_configs"] == [{"targets": ["pgvigil:9843"]}]


def test_prometheus_loads_the_rules_and_reaches_alertmanager() -> None:
    config = read(COMPOSE / "prometheus.yml")
    source = mounts(services()["prometheus"])["/etc/prometheus/alerts"]
    (pattern,) = config["rule_files"]

    found = {path.name for path in (COMPOSE / source).glob(Path(pattern).name)}

    assert {"pgvigil-daemon.yml", "pgvigil-findings.yml"} <= found
    assert config["alerting"]["alertmanagers"] == [
        {"static_configs": [{"targets": ["alertmanager:9093"]}]}
    ]
