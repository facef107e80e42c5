"""Every query of every dashboard is PromQL, as Prometheus's own tool reads it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

import dashboards
from tests import companions
from tests.grafana import interpolate
from tests.unit.dashboards.house_rules import panels

FILES = sorted(dashboards.JSON.glob("*.json"))


def complaints_about(expressions: list[str], folder: Path) -> str:
    promtool = companions.require("promtool")
    rules = [
        {"record": f"panel:query:{number}", "expr": interpolate(expression)}
        for number, expression in enumerate(expressions)
    ]
    file = folder / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    done = subprocess.run(
        [str(promtool), "check", "rules", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_query_is_promql(path: Path, tmp_path: Path) -> None:
    board = json.loads(path.read_text())
    expressions = [t["expr"] for p in panels(board) for t in p["targets"]]

    assert complaints_about(expressions, tmp_path) == ""


def test_promtool_does_find_what_is_not_promql(tmp_path: Path) -> None:
    assert "FAILED" in complaints_about(["sum by (pg_up"], tmp_path)
