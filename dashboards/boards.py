"""Puts a dashboard together: what all of them share, and what one is about.

Each offers the same variables and links, so that a reader who goes from one to
another keeps the servers and the time that were chosen; each shows when servers
and pgvigil itself were restarted, and when an action ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

import attr

from dashboards.links import PAGE
from dashboards.modernise import Json, modernise
from dashboards.panels import SOURCE, core, encoder
from dashboards.parts import (
    Annotation,
    Place,
    Section,
    Text,
    Tile,
    Variable,
    place,
)
from dashboards.promql import of_daemon, of_server

TAG = "pgvigil"
_ENDED = 'state=~"done|undone|failed_clean|needs_human"'

VARIABLES: tuple[Variable | Text, ...] = (
    Variable("job", "Job", "label_values(pg_up, job)"),
    Variable("server", "Server", f"label_values({of_daemon('pg_up')}, server)"),
    Variable(
        "datname",
        "Database",
        f"label_values({of_server('pg_stat_database_numbackends')}, datname)",
        all_value=".*",
    ),
    Text("pgvigil", "pgvigil's address", "http://127.0.0.1:9843"),
)


def _ended(offset: str = "") -> str:
    """Return how many actions had ended; 0 where a server has none yet."""
    ended = f"sum by (server) ({of_server('pgvigil_actions', _ENDED)}{offset})"
    return f"({ended} or 0 * max by (server) ({of_server('pg_up')}{offset}))"


ANNOTATIONS: tuple[Annotation, ...] = (
    Annotation(
        "Servers restarted",
        "1000 * max by (server) "
        f"({of_server('pg_postmaster_start_timestamp_seconds')})",
        "{{server}} was started",
        "purple",
        is_moment=True,
    ),
    Annotation(
        "Roles changed",
        f"changes({of_server('pg_server_is_standby')}[$__rate_interval]) > 0",
        "{{server}} was promoted, or became a standby",
        "red",
    ),
    Annotation(
        "Actions ended",
        f"{_ended()}\n  - {_ended(' offset $__rate_interval')} > 0",
        "pgvigil acted on {{server}}",
        "blue",
    ),
    Annotation(
        "pgvigil restarted",
        f"1000 * {of_daemon('process_start_time_seconds')}",
        "pgvigil at {{instance}} was started",
        "gray",
        is_moment=True,
    ),
)


def board(
    *,
    uid: str,
    title: str,
    description: str,
    sections: Sequence[Section],
    anchor: str = "",
    variables: Sequence[Variable | Text] = (),
    span: str = "now-1h",
) -> Json:
    """Return a dashboard as Grafana imports it.

    `anchor` is the part of pgvigil's page with the evidence for what it shows,
    `variables` are more than those that all dashboards have, `span` is where the
    time begins unless a reader chose otherwise.
    """
    dashboard = core.Dashboard(
        uid=uid,
        title=f"pgvigil / {title}",
        description=description,
        editable=False,
        annotations=core.Annotations([_mark(each) for each in ANNOTATIONS]),
        graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
        links=_links(anchor),
        panels=[_placed(part, where) for part, where in place(sections)],
        refresh="30s",
        tags=[TAG, "postgresql"],
        templating=core.Templating(list=list(_templates([*VARIABLES, *variables]))),
        time=core.Time(span, "now"),
        timezone="browser",
    )
    text = json.dumps(dashboard.to_json_data(), cls=encoder.DashboardEncoder)
    return modernise(cast("Json", json.loads(text)))


def _links(anchor: str) -> list[object]:
    dashboards = core.DashboardLink(
        title="Dashboards",
        type="dashboards",
        tags=[TAG],
        asDropdown=True,
        includeVars=True,
        keepTime=True,
    )
    page = core.DashboardLink(
        title="pgvigil's page",
        type="link",
        uri=f"{PAGE}/{anchor}",
        targetBlank=True,
        keepTime=False,
    )
    return [dashboards, page]


def _mark(annotation: Annotation) -> Json:
    # Releases differ in whether they read the query here or in its target.
    asked: Json = {"expr": annotation.expr, "refId": "Anno"}
    return {
        "datasource": SOURCE,
        "enable": True,
        "expr": annotation.expr,
        "iconColor": annotation.color,
        "name": annotation.name,
        "target": asked,
        "titleFormat": annotation.text,
        "useValueForTime": annotation.is_moment,
    }


def _placed(part: Section | Tile, where: Place) -> object:
    grid = core.GridPos(h=where.height, w=where.width, x=where.x, y=where.y)
    if isinstance(part, Section):
        return core.RowPanel(title=part.title, id=where.number, gridPos=grid)
    return attr.evolve(cast("Any", part.panel), id=where.number, gridPos=grid)


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
            case Variable():
                yield _choice(variable)


def _choice(variable: Variable) -> object:
    return core.Template(
        name=variable.name,
        label=variable.label,
        dataSource=SOURCE,
        query=variable.values,
        includeAll=not variable.is_single,
        allValue=None if variable.is_single else variable.all_value,
        multi=not variable.is_single,
        refresh=core.REFRESH_ON_TIME_RANGE_CHANGE,
    )
