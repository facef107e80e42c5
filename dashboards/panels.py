"""The panels of our dashboards, and our only contact with grafanalib.

The classes that it still writes as Grafana 6 had them are our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attr
from grafanalib import _gen  # pyright: ignore[reportMissingTypeStubs]
from grafanalib import core as _core  # pyright: ignore[reportMissingTypeStubs]

from dashboards.fields import columns_in_order, of_column, of_limit, value_names
from dashboards.modernise import Json
from dashboards.parts import Column, Query, Steps, Tile

HEIGHT = 8
LOW = 4
SOURCE = "${datasource}"

# Its attrs classes declare no types: to a checker their constructors take nothing.
core: Any = _core
encoder: Any = _gen

_LETTERS = "ABCDEFGHIJKLMNOP"
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
                    "maxVizHeight": 28,
                    "minVizHeight": 14,
                    "orientation": "horizontal",
                    "reduceOptions": _LAST,
                    "showUnfilled": True,
                    "sizing": "manual",
                    "text": {"titleSize": 13, "valueSize": 13},
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
                        "custom": {
                            "align": "auto",
                            "cellOptions": {"type": "auto"},
                            "minWidth": 80,
                        },
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


@attr.s
class Heatmap(core.Panel):
    """Buckets of a histogram over time, in the form Grafana has had since 9."""

    unit: str = attr.ib(default="none")

    def to_json_data(self) -> object:
        """Return the panel."""
        return self.panel_json(
            {
                "fieldConfig": {"defaults": {"unit": self.unit}, "overrides": []},
                "options": {
                    "calculate": False,
                    "cellGap": 1,
                    "color": {
                        "mode": "scheme",
                        "scheme": "Oranges",
                        "steps": 64,
                        "exponent": 0.5,
                        "fill": "dark-orange",
                        "reverse": False,
                    },
                    "filterValues": {"le": 1e-9},
                    "legend": {"show": True},
                    "tooltip": {"mode": "single", "showColorScale": False},
                    "yAxis": {"axisPlacement": "left", "unit": self.unit},
                },
                "type": "heatmap",
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
    steps: Steps,
    width: int = 4,
) -> Tile:
    """Return the last value in large, coloured by `steps` from below.

    What spans the whole graph is asked once; the rest over time, so that a scrape
    that failed leaves the figure before it.
    """
    is_now = any("$__range" in query.expr for query in queries)
    panel = core.Stat(
        **_common(title, description, queries, is_now=is_now),
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
    steps: Steps,
    maximum: float | None = None,
    width: int = 8,
) -> Tile:
    """Return one bar for each series' last value, coloured by `steps`."""
    panel = BarGauge(
        **_common(title, description, queries, is_now=True),
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
    exprs: str | Sequence[str],
    *,
    columns: Sequence[Column],
    sort_by: str,
    width: int = 16,
    height: int = HEIGHT,
) -> Tile:
    """Return the series of this moment as rows, with these columns only.

    The value of several queries is in columns `Value #A`, `Value #B` and so on; all
    must have the same labels.
    """
    asked = [exprs] if isinstance(exprs, str) else exprs
    queries = [Query(expr, "") for expr in asked]
    panel = Table(
        **_common(title, description, queries, format_as="table", is_now=True),
        overrides=[of_column(column) for column in columns],
        sort_by=sort_by,
        transformations=columns_in_order(columns, is_merged=len(asked) > 1),
    )
    return Tile(panel, width, height)


def heat(title: str, description: str, expr: str, *, unit: str, width: int = 8) -> Tile:
    """Return how often each bucket of a histogram was hit, over time."""
    queries = [Query(expr, "{{le}}")]
    panel = Heatmap(
        **_common(title, description, queries, format_as="heatmap"), unit=unit
    )
    return Tile(panel, width, HEIGHT)


def _common(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    format_as: str = "time_series",
    is_now: bool = False,
) -> dict[str, Any]:
    targets = [
        core.Target(
            datasource=SOURCE,
            expr=query.expr,
            legendFormat=query.legend,
            refId=letter,
            instant=is_now,
            format=format_as,
        )
        for letter, query in zip(_LETTERS, queries, strict=False)
    ]
    return {
        "title": title,
        "description": description,
        "dataSource": SOURCE,
        "targets": targets,
        "maxDataPoints": None,
    }


def _steps(steps: Steps) -> list[object]:
    return [
        core.Threshold(color, index, float(value))
        for index, (value, color) in enumerate(steps.items())
    ]
