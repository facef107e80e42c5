"""What grafanalib writes becomes what Grafana reads today."""

from __future__ import annotations

import copy
from typing import Any

from dashboards.modernise import Json, modernise


def written(*panels: Json, **more: Any) -> Json:
    """Return a dashboard in the form of 2018."""
    return {
        "__inputs": [],
        "annotations": {"list": [{"datasource": "metrics", "name": "Restarts"}]},
        "gnetId": None,
        "hideControls": False,
        "panels": list(panels),
        "schemaVersion": 12,
        "style": "dark",
        "templating": {"list": []},
        "timepicker": {"hidden": False, "nowDelay": None, "time_options": ["5m"]},
        "title": "Board",
        **more,
    }


def panel(**more: Any) -> Json:
    return {
        "datasource": "${datasource}",
        "editable": True,
        "error": False,
        "fieldConfig": {"defaults": {"unit": "s"}},
        "options": {},
        "span": None,
        "targets": [],
        "title": "Panel",
        "type": "timeseries",
        **more,
    }


def first(board: Json) -> Any:
    panels: Any = board["panels"]
    return panels[0]


def test_what_grafana_no_longer_knows_is_left_out() -> None:
    board = modernise(written(panel()))

    assert board.keys() == {
        "annotations",
        "fiscalYearStartMonth",
        "panels",
        "schemaVersion",
        "templating",
        "timepicker",
        "title",
    }
    assert board["timepicker"] == {"hidden": False}
    assert not {"editable", "error", "span"} & first(board).keys()


def test_names_of_data_sources_become_objects() -> None:
    source = {"type": "prometheus", "uid": "${datasource}"}
    query: Json = {"datasource": "${datasource}", "expr": "up", "intervalFactor": 2}

    board = modernise(written(panel(targets=[query])))

    assert first(board)["datasource"] == source
    assert first(board)["targets"] == [
        {"datasource": source, "expr": "up", "range": True}
    ]
    assert board["annotations"] == {
        "list": [
            {
                "datasource": {"type": "prometheus", "uid": "metrics"},
                "name": "Restarts",
            }
        ]
    }


def test_a_query_of_one_moment_has_no_range() -> None:
    query: Json = {"expr": "up", "instant": True}

    board = modernise(written(panel(targets=[query])))

    assert first(board)["targets"] == [{"expr": "up", "instant": True, "range": False}]


def test_the_lowest_threshold_has_no_bound() -> None:
    steps = [
        {"color": "green", "index": 0, "op": "gt", "value": "null"},
        {"color": "red", "index": 1, "op": "gt", "value": 80.0},
    ]
    config = {"defaults": {"thresholds": {"mode": "absolute", "steps": steps}}}

    board = modernise(written(panel(fieldConfig=config)))

    assert first(board)["fieldConfig"]["defaults"]["thresholds"] == {
        "mode": "absolute",
        "steps": [{"color": "green", "value": None}, {"color": "red", "value": 80.0}],
    }


def test_a_panel_without_thresholds_keeps_grafanas_own() -> None:
    config: Json = {"defaults": {"thresholds": {"mode": "absolute", "steps": []}}}

    board = modernise(written(panel(fieldConfig=config)))

    assert first(board)["fieldConfig"] == {"defaults": {}, "overrides": []}


def test_a_hidden_legend_is_a_list_that_is_not_shown() -> None:
    options = {"legend": {"displayMode": "hidden", "placement": "bottom"}}

    board = modernise(written(panel(options=options)))

    assert first(board)["options"]["legend"] == {
        "calcs": [],
        "displayMode": "list",
        "placement": "bottom",
        "showLegend": False,
    }


def test_panels_within_a_row_are_modernised() -> None:
    row: Json = {"type": "row", "title": "Row", "span": 6, "panels": [panel()]}

    board = modernise(written(row))

    assert first(board).keys() == {"panels", "title", "type"}
    assert "editable" not in first(board)["panels"][0]


def test_a_variable_of_several_values_starts_with_all() -> None:
    variables: Json = {
        "list": [
            {"name": "job", "includeAll": True, "useTags": False, "current": {}},
            {"name": "page", "current": {"text": "x", "value": "x", "tags": []}},
            {"name": "datasource", "current": {"text": None, "value": None}},
        ]
    }

    board = modernise(written(templating=variables))

    assert board["templating"] == {
        "list": [
            {
                "name": "job",
                "includeAll": True,
                "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
            },
            {"name": "page", "current": {"text": "x", "value": "x"}},
            {"name": "datasource"},
        ]
    }


def test_what_goes_in_is_left_as_it_was() -> None:
    before = written(panel())
    untouched = copy.deepcopy(before)

    modernise(before)

    assert before == untouched
