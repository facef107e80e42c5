"""Time inside the functions that policies call."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.model.rls_observed import HelperTime
from monitor.model.rows.helper_functions import HelperFunctionRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import StatementText, View
from monitor.rls.helper_time import (
    accumulate,
    counted,
    helper_times,
    is_within,
    nested,
)
from tests.unit.factories import current, lately, make, make_catalog, view

BODY = """
begin
    -- Members see their team.
    return exists (
        select 1 from members as m
        where m.team = wanted and m.state = 'active' and m.level > 3
    );
end
"""
INNER = (
    "exists ( select $2 from members as m where m.team = wanted and m.state = $3 "
    "and m.level > $4 )"
)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (INNER, BODY),
        (f"SELECT {INNER}", BODY),
        ("select id from teams where id = $1;", "select id from teams where id = $1"),
        (
            "select count(*)        from notes where id = t",
            "begin select count(*) into strict n from notes where id = t; end",
        ),
        ("SELECT note_visit(uid, $3)", "begin perform note_visit(uid, 'it''s'); end"),
    ],
)
def test_a_recorded_statement_is_found_in_its_functions_body(
    text: str, body: str
) -> None:
    assert is_within(text, body)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("select * from notes where id = $1", BODY),
        ("select $1", "begin return (select 1); end"),
        ("$1", BODY),
        (INNER, ""),
    ],
)
def test_another_statement_is_not_found(text: str, body: str) -> None:
    assert not is_within(text, body)


def test_a_body_made_to_be_searched_for_ever_is_given_up() -> None:
    text = "select f(" + ", ".join(f"${n}" for n in range(200)) + ")"
    body = "select f(" + ", ".join(["'" + "''" * 50 + "'"] * 199) + ", (1))"

    assert not is_within(text, body)
    assert not is_within("select f($1) + nothing", "select f(x) " * 1600)


HELPER = make(
    HelperFunctionRow, oid=7, function="public.is_member(wanted)", owner="o", body=BODY
)
OWNER, USER = 20, 10


def row(userid: int = OWNER, **changes: Any) -> StatementRow:
    defaults: dict[str, Any] = {
        "userid": userid,
        "dbid": 5,
        "queryid": 1,
        "calls_total": 100,
        "exec_time_seconds_total": 0.25,
    }
    return make(StatementRow, **(defaults | changes))


def seen(*functions: HelperFunctionRow, **changes: Any) -> View:
    facts: dict[str, Any] = {
        "texts": {
            1: StatementText(queryid=1, text=INNER),
            4: StatementText(queryid=4, text="select * from something_else"),
        },
        "roles": {OWNER: "o", USER: "u"},
        "databases": {5: "app"},
    }
    functions = functions or (HELPER,)
    return view(
        current(HelperFunctionRow, *functions, datname="app"), **(facts | changes)
    )


def time(**changes: Any) -> HelperTime:
    facts: dict[str, Any] = {
        "database": "app",
        "oid": 7,
        "function": "public.is_member(wanted)",
        "owner": "o",
        "source": "pgss_nested",
        "calls": 100,
        "seconds": 0.25,
    }
    return HelperTime(**(facts | changes))


def test_statements_inside_a_function_are_booked_to_it() -> None:
    more = row(queryid=2, calls_total=3, exec_time_seconds_total=0.5)
    texts = {
        1: StatementText(queryid=1, text=INNER),
        2: StatementText(queryid=2, text=INNER),
    }

    assert nested(seen(texts=texts), [row(), more]) == (time(calls=103, seconds=0.75),)


@pytest.mark.parametrize(
    "other",
    [
        row(toplevel=True),
        row(userid=USER),
        row(dbid=6),
        row(queryid=3),
        row(userid=99),
        row(queryid=4),
    ],
)
def test_other_statements_are_not(other: StatementRow) -> None:
    assert nested(seen(), [other]) == ()


def test_of_equal_bodies_the_first_counts() -> None:
    twin = make(
        HelperFunctionRow, oid=8, function="public.twin()", owner="o", body=BODY
    )

    assert nested(seen(HELPER, twin), [row()]) == (time(),)


def test_the_servers_own_counters_are_a_source_of_their_own() -> None:
    busy = make(
        HelperFunctionRow,
        oid=7,
        function="public.is_member(wanted)",
        owner="o",
        calls_total=9,
        exec_time_seconds_total=0.125,
    )

    assert counted("app", [busy, HELPER]) == (
        time(source="functions", calls=9, seconds=0.125),
    )


def test_both_sources_are_read_over_the_check_interval() -> None:
    busy = make(HelperFunctionRow, oid=7, calls_total=9, exec_time_seconds_total=0.5)
    known = current(HelperFunctionRow, HELPER, datname="app")
    deltas = (
        lately(StatementRow, row()),
        lately(HelperFunctionRow, busy, datname="app"),
    )
    parts = seen()

    both = view(
        known,
        *deltas,
        catalogs=[make_catalog()],
        texts=parts.texts,
        roles=parts.roles,
        databases=parts.databases,
    )

    assert [each.source for each in helper_times(both)] == ["pgss_nested", "functions"]
    assert helper_times(seen()) == ()


def test_running_sums_keep_the_sources_apart() -> None:
    first = accumulate({}, [time(), time(source="functions", calls=1)])

    sums = accumulate(first, [time(calls=1, seconds=0.5)])

    assert list(sums.values()) == [
        time(calls=101, seconds=0.75),
        time(source="functions", calls=1),
    ]
