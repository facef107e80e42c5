"""Turns what grafanalib writes, a schema of 2018, into that of Grafana today.

One pure pass. Each part keeps only the keys that today's schema knows: what
Grafana does not find it fills with its own default, which an explicit null is not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Json: TypeAlias = dict[str, Value]

SCHEMA_VERSION = 42
WRITTEN_FOR = "12.0.0"
"""Release whose panel options these are: Grafana migrates only older ones."""

_DASHBOARD = frozenset(
    {
        "annotations",
        "description",
        "editable",
        "fiscalYearStartMonth",
        "graphTooltip",
        "links",
        "panels",
        "refresh",
        "schemaVersion",
        "tags",
        "templating",
        "time",
        "timepicker",
        "timezone",
        "title",
        "uid",
    }
)
_PANEL = frozenset(
    {
        "datasource",
        "description",
        "fieldConfig",
        "gridPos",
        "id",
        "interval",
        "links",
        "maxDataPoints",
        "options",
        "pluginVersion",
        "repeat",
        "repeatDirection",
        "targets",
        "timeFrom",
        "timeShift",
        "title",
        "transformations",
        "transparent",
        "type",
    }
)
_ROW = frozenset({"collapsed", "gridPos", "id", "panels", "title", "type"})
_TARGET = frozenset(
    {"datasource", "expr", "format", "instant", "legendFormat", "range", "refId"}
)
_VARIABLE = frozenset(
    {
        "allValue",
        "current",
        "datasource",
        "description",
        "hide",
        "includeAll",
        "label",
        "multi",
        "name",
        "options",
        "query",
        "refresh",
        "regex",
        "skipUrlSync",
        "sort",
        "type",
    }
)
_CURRENT = frozenset({"selected", "text", "value"})
_ALL: Json = {"selected": True, "text": ["All"], "value": ["$__all"]}
_TIMEPICKER = frozenset({"hidden", "nowDelay", "refresh_intervals"})


def modernise(document: Json) -> Json:
    """Return a dashboard of today's schema for one of grafanalib's."""
    written: Json = {
        **document,
        "annotations": _listed(document, "annotations", _annotation),
        "fiscalYearStartMonth": 0,
        "panels": _each(document.get("panels"), _panel),
        "schemaVersion": SCHEMA_VERSION,
        "templating": _listed(document, "templating", _variable),
        "timepicker": _only(_TIMEPICKER, _table(document, "timepicker")),
    }
    return _without_nulls(_only(_DASHBOARD, written))


def _panel(panel: Json) -> Json:
    if panel["type"] == "row":
        return _only(_ROW, {**panel, "panels": _each(panel.get("panels"), _panel)})
    written = {
        **panel,
        "datasource": _datasource(panel.get("datasource")),
        "fieldConfig": _field_config(_table(panel, "fieldConfig")),
        "options": _options(_table(panel, "options")),
        "pluginVersion": WRITTEN_FOR,
        "targets": _each(panel.get("targets"), _target),
    }
    return _only(_PANEL, written)


def _target(target: Json) -> Json:
    written = {
        **target,
        "datasource": _datasource(target.get("datasource")),
        "range": not target.get("instant"),
    }
    return _only(_TARGET, written)


def _field_config(config: Json) -> Json:
    defaults = _table(config, "defaults")
    thresholds = _table(defaults, "thresholds")
    steps = _each(thresholds.get("steps"), _step)
    kept = {name: value for name, value in defaults.items() if name != "thresholds"}
    if steps:
        mode = thresholds.get("mode", "absolute")
        kept["thresholds"] = {"mode": mode, "steps": steps}
    return {"defaults": kept, "overrides": config.get("overrides") or []}


def _step(step: Json) -> Json:
    """Return a threshold's step; the lowest reaches down without a bound."""
    value = step.get("value")
    return {"color": step["color"], "value": None if value == "null" else value}


def _options(options: Json) -> Json:
    legend = options.get("legend")
    # A heatmap's has no such modes: it is shown or not.
    if not isinstance(legend, dict) or "show" in legend:
        return options
    is_shown = legend.get("displayMode") != "hidden"
    mode = legend.get("displayMode") if is_shown else "list"
    added: Json = {"calcs": [], **legend, "displayMode": mode, "showLegend": is_shown}
    return {**options, "legend": added}


def _variable(variable: Json) -> Json:
    written = {**variable, "datasource": _datasource(variable.get("datasource"))}
    if variable.get("includeAll"):
        written["current"] = dict(_ALL)
    elif not _table(variable, "current").get("value"):
        written["current"] = None
    else:
        written["current"] = _only(_CURRENT, _table(variable, "current"))
    return _only(_VARIABLE, written)


def _annotation(annotation: Json) -> Json:
    return {**annotation, "datasource": _datasource(annotation.get("datasource"))}


def _datasource(source: Value) -> Value:
    """Return a data source as the object that names were replaced by."""
    if isinstance(source, str):
        return {"type": "prometheus", "uid": source} if source else None
    return source


def _only(keys: Collection[str], table: Mapping[str, Value]) -> Json:
    return {name: value for name, value in table.items() if name in keys}


def _each(values: Value, change: Callable[[Json], Json]) -> list[Value]:
    if not isinstance(values, list):
        return []
    return [change(value) for value in values if isinstance(value, dict)]


def _listed(document: Json, name: str, change: Callable[[Json], Json]) -> Json:
    return {"list": _each(_table(document, name).get("list"), change)}


def _table(table: Json, name: str) -> Json:
    value = table.get(name)
    return value if isinstance(value, dict) else {}


def _without_nulls(table: Json) -> Json:
    return {k: _pruned(v) for k, v in table.items() if v is not None}


def _pruned(value: Value) -> Value:
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    if not isinstance(value, dict):
        return value
    # A threshold's lowest step is the one place where null is a value.
    if value.keys() == {"color", "value"}:
        return value
    return _without_nulls(value)
