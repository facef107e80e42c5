"""Every check, advisor and lint keeps to its shape."""

from __future__ import annotations

import inspect
import re
from dataclasses import is_dataclass

import pytest

from monitor.model.finding import Severity
from monitor.model.rows.lints import LintRow
from monitor.model.threshold import Levels
from monitor.runtime.rules import Rule, discover
from tests.unit.factories import current, make, view

RULES = tuple(discover().values())
CHECKS = tuple(rule for rule in RULES if rule.kind == "check")
SECTIONS = (
    "## Meaning",
    "## If ignored",
    "## How to look",
    "## How to fix",
    "## How to silence",
)


@pytest.mark.requirement("S8.1.2-a")
def test_the_specification_s_metrics_are_each_one_check_s() -> None:
    metrics = {r.metric_name: r.name for r in RULES if r.metric_name}

    assert metrics == {
        "avg_query_time_ms": "query_time",
        "connection_count": "connection_slots",
        "cache_hit_ratio": "cache_hit",
        "table_bloat_ratio": "table_bloat",
        "rls_policy_performance_ms": "rls_policy_cost",
    }


@pytest.mark.requirement("S8.1.2-a")
@pytest.mark.parametrize(
    ("check", "direction", "warning", "critical"),
    [
        ("query_time", "above", 100, 500),
        ("connection_slots", "above", 150, 190),
        ("cache_hit", "below", 90, 85),
        ("table_bloat", "above", 20, 40),
    ],
)
def test_the_specification_s_thresholds_are_the_defaults(
    check: str, direction: str, warning: float, critical: float
) -> None:
    rule = discover()[check]
    defaults = rule.thresholds()

    expected = (direction, warning, critical)
    assert (rule.direction, defaults.warning, defaults.critical) == expected


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_which_severities_it_gives(rule: Rule) -> None:
    module = inspect.getmodule(rule.check)
    source = inspect.getsource(module) if module else ""

    named = {s for s in Severity if f"Severity.{s.name}" in source}

    assert rule.severities
    assert named - rule.severities == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_has_frozen_thresholds_with_defaults(rule: Rule) -> None:
    defaults = rule.thresholds()

    assert is_dataclass(defaults)
    assert rule.thresholds.__dataclass_params__.frozen


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_nothing_without_data(rule: Rule) -> None:
    assert list(rule.check(view(), rule.thresholds())) == []


@pytest.mark.parametrize("rule", CHECKS, ids=lambda rule: rule.name)
def test_a_check_s_page_tells_everything_in_order(rule: Rule) -> None:
    headings = [line for line in rule.page.splitlines() if line.startswith("## ")]

    assert tuple(headings[: len(SECTIONS)]) == SECTIONS
    assert headings[len(SECTIONS) :] == ["## Thresholds"]


@pytest.mark.parametrize("rule", CHECKS, ids=lambda rule: rule.name)
def test_a_check_s_page_names_settings_that_exist(rule: Rule) -> None:
    named = re.findall(rf"thresholds\.{rule.name}\.(\w+)", rule.page)

    assert all(hasattr(rule.thresholds(), name) for name in named)
    assert named or "Do not." in rule.page or "mute the finding" in rule.page


@pytest.mark.parametrize("rule", CHECKS, ids=lambda rule: rule.name)
def test_a_check_with_levels_has_a_unit(rule: Rule) -> None:
    assert rule.unit or not issubclass(rule.thresholds, Levels)


@pytest.mark.parametrize(("remedy", "has_remedy"), [("select 1;", True), ("", False)])
def test_a_catalog_lint_is_a_rule_on_its_own_rows(
    remedy: str,
    has_remedy: bool,  # noqa: FBT001 - a case
) -> None:
    rows = [
        make(LintRow, lint=lint, object_type="table", name="t", remedy=remedy)
        for lint in ("policy_without_rls", "rls_without_policy")
    ]
    rule = discover()["policy_without_rls"]

    seen = view(current(LintRow, *rows, datname="app"))
    found = list(rule.check(seen, rule.thresholds()))

    assert [(f.severity, f.database) for f in found] == [(Severity.CRITICAL, "app")]
    assert (found[0].remedy is not None) == has_remedy
    assert rule.title == "A table has policies, but row level security is off"


def test_a_title_has_no_full_stop() -> None:
    assert not [rule.title for rule in RULES if rule.title.endswith(".")]
