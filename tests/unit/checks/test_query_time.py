from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from monitor.checks import query_time
from monitor.model.finding import ObjectRef, Severity
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.server import Extension
from monitor.model.view import View
from tests.unit.factories import lately, make, make_server, run, view

pytestmark = pytest.mark.requirement("S8.1.2-b")


def statement(calls: int, seconds: float, **changes: object) -> StatementRow:
    values: dict[str, object] = {"dbid": 5, "toplevel": True, "queryid": 1}
    return make(
        StatementRow,
        calls_total=calls,
        exec_time_seconds_total=seconds,
        **(values | changes),
    )


def seen(*rows: StatementRow, **changes: Any) -> View:
    return view(lately(StatementRow, *rows), databases={5: "app"}, **changes)


@pytest.mark.parametrize(
    ("milliseconds", "severity"),
    [(150, Severity.WARNING), (600, Severity.CRITICAL)],
)
def test_reports_a_slow_average(milliseconds: int, severity: Severity) -> None:
    rows = statement(200, 200 * milliseconds / 1000)

    found = run(query_time, seen(rows))

    assert [severity] == [f.severity for f in found]
    assert ObjectRef("database", name="app") == found[0].object
    assert milliseconds == pytest.approx(found[0].value)


def test_says_nothing_just_below_the_level() -> None:
    assert run(query_time, seen(statement(1000, 99.9))) == []


def test_weighs_statements_by_their_calls() -> None:
    slow, fast = statement(10, 10.0), statement(990, 0.99, queryid=2)

    assert run(query_time, seen(slow, fast)) == []


def test_says_nothing_below_the_minimum_of_calls() -> None:
    assert run(query_time, seen(statement(99, 99.0))) == []


def test_leaves_out_nested_statements() -> None:
    top, nested = statement(100, 5.0), statement(100, 500.0, toplevel=False)

    assert run(query_time, seen(top, nested)) == []


@pytest.mark.requirement("X7")
def test_leaves_out_the_statements_of_its_own_role() -> None:
    own = statement(100, 500.0, userid=7)

    found = run(query_time, seen(own, roles={7: "pgvigil_reader"}))

    assert found == []


def test_keeps_the_statements_of_a_role_it_shares_with_an_application() -> None:
    shared = statement(100, 500.0, userid=7)
    server = make_server(role="app")

    found = run(query_time, seen(shared, roles={7: "app"}, server=server))

    assert len(found) == 1


def test_judges_each_database_by_itself() -> None:
    rows = (
        statement(100, 100.0),
        statement(100, 0.1, dbid=6),
        statement(100, 99, dbid=9),
    )
    databases = {5: "app", 6: "other"}

    found = run(query_time, view(lately(StatementRow, *rows), databases=databases))

    assert [f.database for f in found] == ["app"]


def test_names_the_costliest_statements_and_the_window() -> None:
    rows = [statement(100, 10.0 * n, queryid=n) for n in range(1, 6)]

    evidence = run(query_time, seen(*rows))[0].evidence

    names = [e.name for e in evidence if e.name.startswith("queryid")]
    assert names == ["queryid 5", "queryid 4", "queryid 3"]
    assert {timedelta(minutes=5)} == {e.window for e in evidence}


def test_remedy_names_the_schema_of_the_extension() -> None:
    extension = Extension("pg_stat_statements", "Ext", (1, 11))
    server = make_server(extensions={"pg_stat_statements": extension})

    remedy = run(query_time, seen(statement(100, 100.0), server=server))[0].remedy

    assert remedy is not None
    assert 'from "Ext".pg_stat_statements' in remedy.sql
