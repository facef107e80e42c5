"""What a dashboard of ours must be like, beyond being one that Grafana reads."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

from monitor import resources
from monitor.collectors import pgbouncer
from monitor.collectors.collector import Moment
from monitor.exporters.layout import family_of
from monitor.exporters.own import daemon_page, own
from monitor.exporters.page import MergedPage, Page
from monitor.model.snapshot import Kind
from monitor.postgres import query_file
from monitor.postgres.queries import Library
from monitor.postgres.request import Reply
from tests.unit.exporters import states

VARIABLES = ("job", "server", "datname")
RANGES = {"$__rate_interval", "$__range"}
OF_PROMETHEUS = frozenset({"scrape_duration_seconds"})
"""What Prometheus itself says of each scrape."""

EXPORTED_AS = {"relation_size": ("table", "index")}

_SELECTOR = re.compile(r"\b([a-zA-Z_:][\w:]*)\{([^}]*)\}")
_RANGE = re.compile(r"\[([^\]]*)\]")
_COUNTER = re.compile(
    r"(?<!rate\()(?<!increase\()\b(\w+_total|pgvigil_\w+_(?:bucket|count|sum))\b"
)
_OURS = re.compile(r"\b(?:pg|pgvigil|process)_\w+\b(?!\{)")
_DASHBOARD = re.compile(r"/d/([\w-]+)")
_VARIABLE = re.compile(r"\$\{?(?!__)(\w+)")

Board = dict[str, Any]


def catalogue() -> frozenset[str]:
    """Return the names of all metrics that a daemon can export."""
    sql = resources.directory("sql")
    found: set[str] = set()
    for folder in ("stats", "metrics"):
        library = Library.load(sql / folder)
        for name in library.names:
            for path in library.variants(name):
                for column in query_file.read(path).help:
                    for prefix in EXPORTED_AS.get(name, (name,)):
                        found.add(family_of(prefix, _exported(column)))
    target = states.target_state()
    # How many series it has is known of a target that has a page.
    shown = replace(target, exposition=own(states.state(target)))
    return frozenset(
        found
        | families(own(states.state(shown)))
        | {family_of(name, column) for name, column in _of_poolers()}
        | OF_PROMETHEUS
    )


def _exported(column: str) -> str:
    """Return a column's name as it is exported: moments say that they are."""
    is_moment = re.fullmatch(r"last_(?!.*_seconds).*|.*_at|stats_reset", column)
    return f"{column}_timestamp_seconds" if is_moment else column


@cache
def of_the_daemon() -> frozenset[str]:
    """Return the metrics that belong to no server."""
    return frozenset(families(daemon_page(states.state())) | OF_PROMETHEUS)


def families(page: Page | MergedPage) -> set[str]:
    """Return the names of a page's series, with those that histograms have."""
    text = page.body(openmetrics=False, compressed=False).decode()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)", text, re.MULTILINE))
    buckets = {
        f"{name}_{suffix}"
        for name, kind in kinds.items()
        if kind == "histogram"
        for suffix in ("bucket", "count", "sum")
    }
    return {*kinds, *buckets}


def _of_poolers() -> Iterator[tuple[str, str]]:
    """Yield the sheets and columns that PgBouncer's console gives."""
    nothing = Reply(name="")
    moment = Moment(monotonic=0.0, now=states.NOW, epoch="")
    for sheet in pgbouncer.read((nothing, nothing), moment).sheets:
        for column in sheet.columns:
            if column.kind is not Kind.LABEL:
                yield sheet.name, column.name


def panels(board: Board) -> Iterator[dict[str, Any]]:
    """Yield the panels, without the rows that hold them."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def queries(board: Board) -> Iterator[tuple[str, str]]:
    """Yield what a dashboard asks, with the title of what asks it."""
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def complaints(
    board: Board, metrics: Collection[str], uids: Collection[str]
) -> list[str]:
    """Return what is wrong with a dashboard that lies beside those of `uids`."""
    return [
        *_of_board(board),
        *_of_variables(board),
        *_of_links(board, uids),
        *_of_annotations(board),
        *_of_places(board),
        *(f"{p['title']}: {text}" for p in panels(board) for text in _of_panel(p)),
        *(
            f"{title}: {text}"
            for title, expr in queries(board)
            for text in _of_query(expr, metrics)
        ),
    ]


def _of_board(board: Board) -> Iterator[str]:
    if board["editable"]:
        yield "it can be edited"
    for name in ("uid", "title", "description", "tags"):
        if not board.get(name):
            yield f"it has no {name}"
    titles = [panel["title"] for panel in panels(board)]
    for title in sorted({title for title in titles if titles.count(title) > 1}):
        yield f"two panels are called {title}"


def _of_variables(board: Board) -> Iterator[str]:
    defined = {v["name"]: v for v in board["templating"]["list"]}
    for name in VARIABLES:
        found = defined.get(name, {})
        if not (found.get("multi") and found.get("includeAll")):
            yield f"variable {name} does not offer several values and all"
    used = set(_VARIABLE.findall(str(board)))
    for name, found in defined.items():
        if found["type"] == "query" and found.get("refresh") != 2:
            yield f"variable {name} is not read again with the time range"
    for name in sorted(used ^ set(defined)):
        yield f"variable {name} is used or defined, not both"


def _of_links(board: Board, uids: Collection[str]) -> Iterator[str]:
    for uid in sorted(set(_DASHBOARD.findall(str(board))) - set(uids)):
        yield f"it leads to {uid}, which is nowhere"
    if not any(
        link["type"] == "dashboards"
        and set(link["tags"]) <= set(board["tags"])
        and link["includeVars"]
        and link["keepTime"]
        for link in board["links"]
    ):
        yield "it does not lead to the others"
    if not any("pgvigil" in link.get("url", "") for link in board["links"]):
        yield "it does not lead to pgvigil's page"


def _of_annotations(board: Board) -> Iterator[str]:
    for annotation in board["annotations"]["list"]:
        name = annotation["name"]
        if annotation["datasource"]["uid"] != "${datasource}":
            yield f"{name}: the data source is fixed"
        if annotation["target"]["expr"] != annotation["expr"]:
            yield f"{name}: it asks two things"
        if not annotation.get("titleFormat"):
            yield f"{name}: it has no text"


def _of_places(board: Board) -> Iterator[str]:
    ids = [panel["id"] for panel in board["panels"]]
    if len(set(ids)) < len(ids):
        yield "two panels have the same id"
    for one, other in combinations(board["panels"], 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield f"{one['title']} and {other['title']} overlap"
    for panel in board["panels"]:
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            yield f"{panel['title']} is not on the grid"


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def _of_panel(panel: dict[str, Any]) -> Iterator[str]:
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield "there is no unit"
    if not re.fullmatch(r"[A-Z].*\.", panel.get("description", "")):
        yield "there is no description in sentences"
    sources = [panel["datasource"], *(t["datasource"] for t in panel["targets"])]
    if any(source["uid"] != "${datasource}" for source in sources):
        yield "the data source is fixed"
    letters = [target["refId"] for target in panel["targets"]]
    if len(set(letters)) < len(letters):
        yield "two queries have the same letter"
    if not letters:
        yield "there is no query"


def _of_query(expr: str, metrics: Collection[str]) -> Iterator[str]:
    for metric in _OURS.findall(expr):
        yield f"{metric} has no selector"
    for metric, matchers in _SELECTOR.findall(expr):
        if metric not in metrics:
            yield f"nobody exports {metric}"
        yield from _of_selector(metric, matchers)
    for seconds in set(_RANGE.findall(expr)) - RANGES:
        yield f"the range {seconds} is fixed"
    for counter in _COUNTER.findall(expr):
        yield f"{counter} is a counter and not a rate"


def _of_selector(metric: str, matchers: str) -> Iterator[str]:
    if 'job=~"$job"' not in matchers:
        yield f"{metric} is not restricted to the chosen jobs"
    if 'server=~"$server"' not in matchers and metric not in of_the_daemon():
        yield f"{metric} is not restricted to the chosen servers"
