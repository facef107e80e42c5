"""The panels of our dashboards, and our only contact with grafanalib.

The classes that it still writes as Grafana 6 had them are our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import attr
from grafanalib import _gen  # pyright: ignore[reportMissingTypeStubs]
from grafanalib import core as _core  # pyright: ignore[reportMissingTypeStubs]

from dashboards.fields import columns_in_order, of_column, of_limit, value_names
from dashboards.modernise import Json, modernise
from dashboards.parts import (
    Column,
    Place,
    Query,
    Section,
    Text,
    Tile,
    Variable,
    place,
)

HEIGHT = 8
LOW = 4
SOURCE = "${datasource}"

# Its attrs classes declare no types: to a checker their constructors take nothing.
core: Any = _core
encoder: Any = _gen

_LAST: Json = {"calcs": ["lastNotNull"], "fields": "", "values": False}


@attr.s
class BarGauge(core.Panel):
    """One horizontal bar for each series, in the form Grafana has had since 7."""

    unit: str = attr.ib(default="none")
    maximum: float | None = attr.ib(default=None)

    def to_json_data(self) -> object:
        """Return the panel."""
        return self.panel_json(
            {
                "fieldConfig": {
                    "defaults": {
                        "color": {"mode": "thresholds"},
                        "max": self.maximum,
                        "min": 0,
                        "unit": self.unit,
                    },
                    "overrides": [],
                },
                "options": {
                    "displayMode": "basic",
                    "orientation": "horizontal",
                    "reduceOptions": _LAST,
                    "showUnfilled": True,
                    "valueMode": "color",
                },
                "type": "bargauge",
            }
        )


@attr.s
class Table(core.Panel):
    """A table in the form Grafana has had since 8, the largest `sort_by` first."""

    overrides: list[Json] = attr.ib(factory=list[Json])
    sort_by: str = attr.ib(default="")

    def to_json_data(self) -> object:
        """Return the panel."""
        return self.panel_json(
            {
                "fieldConfig": {
                    "defaults": {
                        "custom": {"align": "auto", "cellOptions": {"type": "auto"}},
                        "unit": "none",
                    },
                    "overrides": self.overrides,
                },
                "options": {
                    "cellHeight": "sm",
                    "showHeader": True,
                    "sortBy": [{"desc": True, "displayName": self.sort_by}],
                },
                "type": "table",
            }
        )


def graph(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str,
    width: int = 8,
    stacked: bool = False,
    maximum: int | None = None,
) -> Tile:
    """Return lines over time, stacked where they are parts of a whole."""
    panel = core.TimeSeries(
        **_common(title, description, queries),
        unit=unit,
        valueMin=0,
        valueMax=maximum,
        fillOpacity=30 if stacked else 8,
        overrides=[of_limit(query.legend) for query in queries if query.is_limit],
        showPoints="never",
        stacking={"mode": "normal" if stacked else "none", "group": "A"},
        tooltipMode="multi",
        tooltipSort="desc",
    )
    return Tile(panel, width, HEIGHT)


def number(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str,
    steps: Mapping[float, str],
    width: int = 4,
) -> Tile:
    """Return the last value in large, coloured by `steps` from below."""
    panel = core.Stat(
        **_common(title, description, queries),
        format=unit,
        color={"mode": "thresholds"},
        graphMode="none",
        noValue="-",
        reduceCalc="lastNotNull",
        textMode="value_and_name" if len(queries) > 1 else "value",
        thresholds=_steps(steps),
    )
    return Tile(panel, width, LOW)


def bars(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str,
    steps: Mapping[float, str],
    maximum: float | None = None,
    width: int = 8,
) -> Tile:
    """Return one bar for each series' last value, coloured by `steps`."""
    panel = BarGauge(
        **_common(title, description, queries),
        unit=unit,
        maximum=maximum,
        thresholds=_steps(steps),
    )
    return Tile(panel, width, HEIGHT)


def states(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    names: Mapping[int, tuple[str, str]],
    width: int = 8,
) -> Tile:
    """Return one band for each series, with the name and colour of its value."""
    panel = core.StateTimeline(
        **_common(title, description, queries),
        mappings=[value_names(names)],
        mergeValues=True,
        showValue="never",
        extraJson={"fieldConfig": {"defaults": {"unit": "none"}}},
    )
    return Tile(panel, width, HEIGHT)


def table(
    title: str,
    description: str,
    expr: str,
    *,
    columns: Sequence[Column],
    sort_by: str,
    width: int = 16,
) -> Tile:
    """Return the series of this moment as rows, with these columns only."""
    panel = Table(
        **_common(title, description, [Query(expr, "")], as_table=True),
        overrides=[of_column(column) for column in columns],
        sort_by=sort_by,
        transformations=columns_in_order(columns),
    )
    return Tile(panel, width, HEIGHT)


def board(
    *,
    uid: str,
    title: str,
    description: str,
    variables: Sequence[Variable | Text],
    links: Mapping[str, str],
    sections: Sequence[Section],
) -> Json:
    """Return a dashboard as Grafana imports it; `links` are titles with URLs."""
    dashboard = core.Dashboard(
        uid=uid,
        title=title,
        description=description,
        editable=False,
        graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
        links=[_link(name, url) for name, url in links.items()],
        panels=[_placed(part, where) for part, where in place(sections)],
        refresh="30s",
        tags=["pgvigil", "postgresql"],
        templating=core.Templating(list=list(_templates(variables))),
        time=core.Time("now-1h", "now"),
        timezone="browser",
    )
    text = json.dumps(dashboard.to_json_data(), cls=encoder.DashboardEncoder)
    return modernise(cast("Json", json.loads(text)))


def _common(
    title: str, description: str, queries: Sequence[Query], *, as_table: bool = False
) -> dict[str, Any]:
    targets = [
        core.Target(
            datasource=SOURCE,
            expr=query.expr,
            legendFormat=query.legend,
            refId=letter,
            instant=as_table,
            format="table" if as_table else "time_series",
        )
        for letter, query in zip("ABCDEFGH", queries, strict=False)
    ]
    return {
        "title": title,
        "description": description,
        "dataSource": SOURCE,
        "targets": targets,
        "maxDataPoints": None,
    }


def _placed(part: Section | Tile, where: Place) -> object:
    grid = core.GridPos(h=where.height, w=where.width, x=where.x, y=where.y)
    if isinstance(part, Section):
        return core.RowPanel(title=part.title, id=where.number, gridPos=grid)
    return attr.evolve(cast("Any", part.panel), id=where.number, gridPos=grid)


def _link(title: str, url: str) -> object:
    return core.DashboardLink(
        title=title, type="link", uri=url, targetBlank=True, keepTime=False
    )


def _steps(steps: Mapping[float, str]) -> list[object]:
    return [
        core.Threshold(color, index, float(value))
        for index, (value, color) in enumerate(steps.items())
    ]


def _templates(variables: Sequence[Variable | Text]) -> Iterator[object]:
    yield core.Template(
        name="datasource", label="Data source", type="datasource", query="prometheus"
    )
    for variable in variables:
        match variable:
            case Text(name, label, default):
                yield core.Template(
                    name, default, default=default, label=label, type="textbox"
                )
            case Variable(name, label, values, all_value):
                yield core.Template(
                    name=name,
                    label=label,
                    dataSource=SOURCE,
                    query=values,
                    includeAll=True,
                    allValue=all_value,
                    multi=True,
                    refresh=core.REFRESH_ON_TIME_RANGE_CHANGE,
                )
