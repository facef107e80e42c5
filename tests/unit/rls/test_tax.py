"""One statement under a bound role and under one that bypasses."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.model.rls import Probes
from monitor.model.rls_observed import Tax
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import StatementText, View
from monitor.rls.tax import taxes
from tests.unit.factories import make, view
from tests.unit.rls.test_observed import ADMIN, GUEST, READER, USER, seen

TEXT = {1: StatementText(queryid=1, text="select * from notes")}


def row(userid: int, calls: int, seconds: float, rows: int, **changes: Any) -> Any:
    defaults: dict[str, Any] = {
        "userid": userid,
        "dbid": 5,
        "queryid": 1,
        "toplevel": True,
        "calls_total": calls,
        "exec_time_seconds_total": seconds,
        "rows_total": rows,
    }
    return make(StatementRow, **(defaults | changes))


BOUND = row(USER, 10, 5.0, 100)
FREE = row(ADMIN, 20, 2.0, 200)


def compare(*rows: Any, **changes: Any) -> tuple[Tax, ...]:
    facts: dict[str, Any] = {"texts": TEXT}
    compared: View = seen(*rows, **(facts | changes))
    return taxes(compared)


def test_the_tax_is_the_difference_of_the_means() -> None:
    (tax,) = compare(BOUND, FREE)

    assert (tax.role, tax.bypassing_role) == ("authenticated", "admin")
    assert (tax.calls, tax.bypassing_calls) == (10, 20)
    assert (tax.mean_seconds, tax.bypassing_mean_seconds) == (0.5, 0.1)
    assert (tax.seconds, tax.ratio) == (0.4, 5.0)
    assert (tax.rows_per_call, tax.bypassing_rows_per_call) == (10.0, 10.0)
    assert (tax.relids, tax.is_comparable, tax.attribution) == ((1,), True, "ast")


def test_the_tax_is_negative_where_policies_help() -> None:
    (tax,) = compare(row(USER, 10, 0.5, 100), FREE)

    assert tax.seconds == pytest.approx(-0.05)


def test_a_bypassing_side_that_took_no_time_gives_no_ratio() -> None:
    (tax,) = compare(BOUND, row(ADMIN, 20, 0.0, 200))

    assert tax.ratio is None


@pytest.mark.parametrize(
    ("rows", "is_comparable"),
    [(0, False), (4, False), (50, True), (200, True), (201, False)],
)
def test_roles_that_saw_different_rows_are_not_comparable(
    rows: int, *, is_comparable: bool
) -> None:
    (tax,) = compare(row(USER, 10, 5.0, rows), row(ADMIN, 10, 2.0, 100))

    assert tax.is_comparable is is_comparable


def test_a_look_up_that_found_a_row_or_none_is_comparable() -> None:
    (tax,) = compare(row(USER, 10, 5.0, 0), row(ADMIN, 10, 2.0, 10))

    assert tax.is_comparable


def test_every_bound_role_is_compared_with_the_busiest_bypassing_one() -> None:
    owner = row(20, 5, 1.0, 50)

    found = compare(BOUND, row(GUEST, 10, 9.0, 100), FREE, owner)

    assert [(tax.role, tax.bypassing_role) for tax in found] == [
        ("anon", "admin"),
        ("authenticated", "admin"),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        (BOUND,),
        (FREE,),
        (BOUND, row(GUEST, 10, 1.0, 100)),
        (BOUND, row(ADMIN, 4, 1.0, 40)),
        (row(USER, 4, 1.0, 40), FREE),
        (BOUND, row(ADMIN, 20, 2.0, 200, queryid=2)),
        (BOUND, row(ADMIN, 20, 2.0, 200, toplevel=False)),
        (BOUND, row(ADMIN, 20, 2.0, 200, dbid=6)),
        (BOUND, row(READER, 20, 2.0, 200)),
        (row(USER, 9, 5.0, 9, dbid=6), row(ADMIN, 9, 5.0, 9, dbid=6)),
    ],
)
def test_there_is_no_comparison_with_nothing_alike(rows: tuple[Any, ...]) -> None:
    assert compare(*rows) == ()


def test_a_statement_without_policies_has_no_tax() -> None:
    texts = {1: StatementText(queryid=1, text="select * from log")}

    assert compare(BOUND, FREE, texts=texts) == ()


def test_a_statement_that_the_server_calls_free_of_policies_has_no_tax() -> None:
    answer = Probes(confirmed={("app", 1, "authenticated"): False})

    assert compare(BOUND, FREE, probes=answer) == ()


def test_nothing_is_compared_across_a_reset() -> None:
    assert taxes(view()) == ()
