"""Our dashboards follow the house's rules, and the rules find what they should."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import dashboards
from tests.unit.dashboards.house_rules import Board, catalogue, complaints, panels

FILES = sorted(dashboards.JSON.glob("*.json"))

RULES = sorted((dashboards.JSON.parent.parent / "alerts").glob("pgvigil-*.yml"))
UIDS = [json.loads(path.read_text())["uid"] for path in FILES]

metrics = cache(catalogue)


def overview() -> Board:
    return json.loads((dashboards.JSON / "overview.json").read_text())


def first_panel(board: Board) -> dict[str, Any]:
    return next(panels(board))


def first_mark(board: Board) -> dict[str, Any]:
    return board["annotations"]["list"][0]


def ask(board: Board, expr: str) -> None:
    first_panel(board)["targets"][0]["expr"] = expr


FAULTS: dict[str, Callable[[Board], object]] = {
    "it can be edited": lambda b: b.update(editable=True),
    "it has no description": lambda b: b.update(description=""),
    "variable job does not offer": lambda b: b["templating"]["list"].pop(1),
    "variable pgvigil is used or defined": lambda b: b["templating"]["list"].pop(),
    "two panels have the same id": lambda b: b["panels"][1].update(id=1),
    "two panels are called": lambda b: b["panels"].append(first_panel(b)),
    "overlap": lambda b: b["panels"][1]["gridPos"].update(y=0),
    "is not on the grid": lambda b: b["panels"][0]["gridPos"].update(x=1),
    "there is no unit": lambda b: first_panel(b)["fieldConfig"]["defaults"].clear(),
    "there is no description": lambda b: first_panel(b).pop("description"),
    "the data source is fixed": lambda b: first_panel(b)["datasource"].update(uid="x"),
    "there is no query": lambda b: first_panel(b)["targets"].clear(),
    "two queries have the same": lambda b: first_panel(b)["targets"].append(
        first_panel(b)["targets"][0]
    ),
    "pg_up has no selector": lambda b: ask(b, "sum(pg_up)"),
    "nobody exports pg_upp": lambda b: ask(b, 'pg_upp{job=~"$job"}'),
    "to the chosen jobs": lambda b: ask(b, 'pg_up{server=~"$server"}'),
    "to the chosen servers": lambda b: ask(b, 'pg_up{job=~"$job"}'),
    "the range 5m is fixed": lambda b: ask(b, 'rate(pg_up{job=~"$job"}[5m])'),
    "not read again with": lambda b: b["templating"]["list"][2].update(refresh=1),
    "leads to pgvigil-nowhere": lambda b: b.update(description="/d/pgvigil-nowhere"),
    "does not lead to the others": lambda b: b["links"].pop(0),
    "does not lead to pgvigil's": lambda b: b["links"].pop(1),
    "Servers restarted: the data source": lambda b: first_mark(b)["datasource"].update(
        uid="x"
    ),
    "Servers restarted: it asks two": lambda b: first_mark(b).update(expr="up"),
    "Servers restarted: it has no text": lambda b: first_mark(b).pop("titleFormat"),
    "is a counter and not a rate": lambda b: ask(
        b, 'pg_stat_wal_bytes_total{job=~"$job", server=~"$server"}'
    ),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dashboards_follow_the_rules(path: Path) -> None:
    assert complaints(json.loads(path.read_text()), metrics(), UIDS) == []


@pytest.mark.parametrize("complaint", FAULTS)
def test_the_rules_find(complaint: str) -> None:
    board = copy.deepcopy(overview())

    FAULTS[complaint](board)

    assert any(complaint in found for found in complaints(board, metrics(), UIDS))


def test_no_two_dashboards_have_the_same_uid() -> None:
    assert sorted(set(UIDS)) == sorted(UIDS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dashboards_uid_is_its_name(path: Path) -> None:
    assert json.loads(path.read_text())["uid"] == f"pgvigil-{path.stem}"


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_alerts_lead_to_dashboards_that_exist(path: Path) -> None:
    named = set(re.findall(r"/d/([\w-]+)", path.read_text()))

    assert named
    assert named <= set(UIDS)


def test_the_catalogue_knows_metrics_of_each_origin() -> None:
    wanted = {
        "pg_stat_database_xact_commit_total",
        "pg_stat_wal_bytes_total",
        "pg_table_total_bytes",
        "pg_up",
        "pgvigil_finding",
        "process_cpu_seconds_total",
        "pg_pgbouncer_pools_max_wait_seconds",
        "pgvigil_rls_policy_overhead_seconds_bucket",
        "scrape_duration_seconds",
    }

    assert wanted <= metrics()
