"""The rule files and examples, as Prometheus's and Alertmanager's tools see them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.alerting.machine import alert_name
from monitor.alerting.overall import WATCHDOG
from monitor.api import runbooks
from monitor.cli.alerts import GRAFANA, PGVIGIL
from tests import companions
from tests.rules import finding_cases

ROOT = Path(__file__).parent.parent.parent
ALERTS = ROOT / "alerts"
RULES = sorted(ALERTS.glob("pgvigil-*.yml"))
RUNBOOKS = sorted((ALERTS / "runbooks").glob("*.md"))
TESTS = sorted(Path(__file__).parent.glob("*.yml"))
GENERATED = "pgvigil-findings.yml"
LINKS = {"runbook_url": PGVIGIL, "finding_url": PGVIGIL, "dashboard_url": GRAFANA}


Case = tuple[dict[str, Any], dict[str, Any]]
"""A test and one of its expectations."""


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def _read_alerts() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in load(path)["groups"]:
            yield from (rule for rule in group["rules"] if "alert" in rule)


def _read_cases() -> Iterator[Case]:
    """Yield every test with each of its expectations."""
    for document in (*map(load, TESTS), finding_cases.document()):
        for test in document["tests"]:
            for case in test.get("alert_rule_test", ()):
                yield test, case


@cache
def all_alerts() -> tuple[dict[str, Any], ...]:
    return tuple(_read_alerts())


@cache
def all_cases() -> tuple[Case, ...]:
    return tuple(_read_cases())


def names() -> list[str]:
    return sorted({alert["alert"] for alert in all_alerts()})


def cases_of(name: str) -> list[Case]:
    return [(test, case) for test, case in all_cases() if case["alertname"] == name]


def run(*command: object) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)
def test_promtool_accepts_the_rules(rules: Path) -> None:
    promtool = companions.require("promtool")

    complaints = run(promtool, "check", "rules", "--lint-fatal", rules)

    assert complaints == ""


@pytest.mark.requirement("S0-d")
@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.name)
def test_alerts_fire_when_they_should(tests: Path) -> None:
    promtool = companions.require("promtool")

    failures = run(promtool, "test", "rules", tests)

    assert failures == ""


def test_every_finding_s_alert_fires_when_it_should(tmp_path: Path) -> None:
    promtool = companions.require("promtool")
    document = finding_cases.document()
    document["rule_files"] = [str(ALERTS / GENERATED)]
    file = tmp_path / "findings.yml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))

    failures = run(promtool, "test", "rules", file)

    assert failures == ""


def test_promtool_does_find_a_wrong_expectation(tmp_path: Path) -> None:
    promtool = companions.require("promtool")
    wrong = load(TESTS[0])
    wrong["rule_files"] = [str(path) for path in RULES]
    wrong["tests"] = wrong["tests"][:1]
    for test in wrong["tests"]:
        for case in test["alert_rule_test"]:
            case["exp_alerts"] = []
    file = tmp_path / "wrong.yml"
    file.write_text(yaml.safe_dump(wrong))

    assert "FAILED" in run(promtool, "test", "rules", file)


def test_promtool_accepts_the_example_of_scraping() -> None:
    promtool = companions.require("promtool")

    complaints = run(promtool, "check", "config", ALERTS / "prometheus.example.yml")

    assert complaints == ""


def test_amtool_accepts_the_example_of_routing() -> None:
    amtool = companions.require("amtool")

    complaints = run(amtool, "check-config", ALERTS / "alertmanager.example.yml")

    assert complaints == ""


@pytest.mark.parametrize("name", names())
def test_every_alert_is_seen_firing(name: str) -> None:
    assert [case for _, case in cases_of(name) if case["exp_alerts"]]


@pytest.mark.parametrize("name", sorted({*names()} - {WATCHDOG}))
def test_every_alert_is_seen_silent(name: str) -> None:
    assert [case for _, case in cases_of(name) if not case["exp_alerts"]]


@pytest.mark.parametrize("name", names())
def test_every_alert_is_seen_across_a_gap(name: str) -> None:
    values = [
        series["values"]
        for test, _ in cases_of(name)
        for series in test["input_series"]
    ]

    # A failed scrape with scrapes after it, not the end of a series.
    assert [text for text in values if re.search(r"stale (_ )?-?\d", text)]


@pytest.mark.parametrize(
    "alert", all_alerts(), ids=[alert["alert"] for alert in all_alerts()]
)
def test_alerts_follow_the_conventions(alert: dict[str, Any]) -> None:
    annotations = alert["annotations"]

    assert re.fullmatch(r"Pgvigil([A-Z][a-z]+)+", alert["alert"])
    assert alert["labels"].keys() == {"severity"}
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert annotations.keys() == {"summary", "description", *LINKS}
    assert "{{" not in annotations["summary"]
    # The one that always fires is about nothing in particular.
    assert ("{{" in annotations["description"]) != (alert["alert"] == WATCHDOG)
    assert annotations["runbook_url"].startswith(f"{PGVIGIL}/runbooks/")
    assert all(annotations[link].startswith(place) for link, place in LINKS.items())


def test_a_name_and_severity_is_one_alert_s() -> None:
    found = [(a["alert"], a["labels"]["severity"]) for a in all_alerts()]

    assert sorted(set(found)) == sorted(found)


@pytest.mark.parametrize(
    "alert", all_alerts(), ids=[alert["alert"] for alert in all_alerts()]
)
def test_every_alert_links_to_the_runbook_of_its_name(alert: dict[str, Any]) -> None:
    page = alert["annotations"]["runbook_url"].rpartition("/")[2]

    assert runbooks.find(page) is not None
    assert alert_name(page) == alert["alert"]


def test_no_runbook_is_left_over() -> None:
    linked = {a["annotations"]["runbook_url"].rpartition("/")[2] for a in all_alerts()}

    assert [path.stem for path in RUNBOOKS if path.stem not in linked] == []


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda path: path.stem)
def test_runbooks_say_how_to_look_fix_and_silence(page: Path) -> None:
    text = page.read_text()

    assert text.startswith("# ")
    assert all(f"\nHow to {verb}: " in text for verb in ("look", "fix", "silence"))
