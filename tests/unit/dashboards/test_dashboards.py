"""What is committed is what the modules build, and what Grafana reads."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import dashboards
from dashboards.modernise import SCHEMA_VERSION, Json, Value

with warnings.catch_warnings():
    # It prefers the second version of the schema, which only new Grafanas read.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.cog import encoder, plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

FILES = sorted(dashboards.JSON.glob("*.json"))


def test_committed_dashboards_are_those_that_the_modules_build() -> None:
    committed = {path: path.read_text() for path in FILES}

    assert committed == dashboards.documents()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_are_easy_to_compare(path: Path) -> None:
    text = path.read_text()
    document = json.loads(text)

    assert text.endswith("}\n")
    assert list(document) == sorted(document)
    assert document["schemaVersion"] == SCHEMA_VERSION


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_grafanas_own_model_loses_nothing(path: Path) -> None:
    document = json.loads(path.read_text())

    assert lost(document, round_trip(document)) == []


def test_grafanas_own_model_would_lose_what_is_unknown_to_it() -> None:
    document = json.loads(FILES[0].read_text())
    document["hideControls"] = True

    assert lost(document, round_trip(document)) == [".hideControls"]


def round_trip(document: Json) -> Json:
    plugins.register_default_plugins()
    text = json.dumps(Dashboard.from_json(document), cls=encoder.JSONEncoder)
    return json.loads(text)


def lost(before: Json, after: Json) -> list[str]:
    """Return what differs; what was added are defaults."""
    known = dict(leaves(after))
    return [path for path, leaf in leaves(before) if known.get(path, ...) != leaf]


def leaves(value: Value, path: str = "") -> Iterator[tuple[str, Value]]:
    """Yield what holds nothing else, by its path."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from leaves(item, f"{path}[{place}]")
    else:
        yield path, value
