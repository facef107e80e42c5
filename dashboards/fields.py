"""How values and columns are shown, in Grafana's own terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.modernise import Json, Value
from dashboards.parts import Column, Steps


def value_names(names: Mapping[int, tuple[str, str]]) -> Json:
    """Return the mapping of numbers to words, each with its colour."""
    options: Json = {
        str(value): {"color": color, "index": index, "text": text}
        for index, (value, (text, color)) in enumerate(names.items())
    }
    return {"options": options, "type": "value"}


def columns_in_order(columns: Sequence[Column], *, is_merged: bool) -> list[Json]:
    """Return the transformations that leave these columns, renamed, in this order.

    Merged are the answers of several queries, row by row where labels agree.
    """
    names: Json = {"names": [column.name for column in columns]}
    organized: Json = {
        "indexByName": {column.name: i for i, column in enumerate(columns)},
        "renameByName": {column.name: column.title for column in columns},
    }
    merge: list[Json] = [{"id": "merge", "options": {}}] if is_merged else []
    return [
        *merge,
        {"id": "filterFieldsByName", "options": {"include": names}},
        {"id": "organize", "options": organized},
    ]


def of_column(column: Column) -> Json:
    """Return the override of a table's column: where it leads, what numbers mean."""
    properties: list[Json] = []
    if column.unit:
        properties.append({"id": "unit", "value": column.unit})
    if column.width:
        properties.append({"id": "custom.width", "value": column.width})
    if column.link:
        is_away = not column.link.startswith("/d/")
        link: Json = {"targetBlank": is_away, "title": column.title, "url": column.link}
        properties.append({"id": "links", "value": [link]})
    if column.names:
        properties.append({"id": "mappings", "value": [value_names(column.names)]})
    if column.steps:
        properties.append({"id": "thresholds", "value": _thresholds(column.steps)})
    if column.names or column.steps:
        cell: Json = {"type": "color-text"}
        properties.append({"id": "custom.cellOptions", "value": cell})
    matcher: Json = {"id": "byName", "options": column.title}
    return {"matcher": matcher, "properties": [*properties]}


def _thresholds(steps: Steps) -> Json:
    bounds = [None, *list(steps)[1:]]
    found: list[Value] = [
        {"color": color, "value": bound}
        for bound, color in zip(bounds, steps.values(), strict=True)
    ]
    return {"mode": "absolute", "steps": found}


def of_limit(legend: str) -> Json:
    """Return the override of a line that the others should stay below."""
    properties: list[Value] = [
        {"id": "color", "value": {"fixedColor": "red", "mode": "fixed"}},
        {"id": "custom.fillOpacity", "value": 0},
        {"id": "custom.lineStyle", "value": {"dash": [8, 8], "fill": "dash"}},
        {"id": "custom.stacking", "value": {"group": "limit", "mode": "none"}},
    ]
    matcher: Json = {"id": "byName", "options": legend}
    return {"matcher": matcher, "properties": properties}
