"""Builds the Grafana dashboards of pgvigil; `python -m dashboards` writes them.

A dashboard is a module here with a function `dashboard()`. What it returns is
committed in `json/`, so that nobody who runs pgvigil needs what builds it.
"""

from __future__ import annotations

import json
from pathlib import Path

from monitor import resources

JSON = Path(__file__).parent / "json"


def documents() -> dict[Path, str]:
    """Return the text of each dashboard by the file it belongs in."""
    found = resources.modules("dashboards", "dashboard")
    return {
        JSON / f"{name}.json": _text(module.dashboard())
        for name, module in found.items()
    }


def _text(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
