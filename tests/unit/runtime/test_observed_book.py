"""Running sums of what statements did under policies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from monitor.model.rls_observed import AttributionQuality
from monitor.model.rows.helper_functions import HelperFunctionRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import View
from monitor.runtime.observed_book import PATIENCE, ObservedBook
from tests.unit.factories import NOW, make, reading
from tests.unit.rls.test_observed import USER, row, seen, texts

TEXTS = texts("table notes")


def at(
    second: float,
    calls: int,
    *,
    queryid: int = 0,
    epoch: str = "1",
    changes: dict[str, Any] | None = None,
) -> View:
    counted = row(queryid, USER, calls_total=calls, exec_time_seconds_total=calls / 8)
    now = NOW + timedelta(seconds=second)
    facts: dict[str, Any] = {"texts": TEXTS, "now": now}
    view = seen(**(facts | (changes or {})))
    statements = reading([counted], monotonic=second, epoch=epoch)
    return replace(view, readings={**view.readings, (StatementRow, ""): statements})


def sums(book: ObservedBook, view: View) -> list[tuple[int, float]]:
    return [(each.calls, each.seconds) for each in book.update(view).found]


def test_the_sums_begin_with_the_first_increase() -> None:
    book = ObservedBook()

    assert sums(book, at(0, 8)) == []
    assert sums(book, at(15, 16)) == [(8, 1.0)]
    assert sums(book, at(30, 24)) == [(16, 2.0)]


def test_a_reading_counts_once_however_often_it_is_looked_at() -> None:
    book = ObservedBook()
    sums(book, at(0, 8))
    second = at(15, 16)

    assert sums(book, second) == [(8, 1.0)]
    assert sums(book, second) == [(8, 1.0)]


def test_a_reset_adds_nothing_and_takes_nothing_away() -> None:
    book = ObservedBook()
    sums(book, at(0, 8))
    sums(book, at(15, 16))

    assert sums(book, at(30, 1, epoch="2")) == [(8, 1.0)]
    assert sums(book, at(45, 9, epoch="2")) == [(16, 2.0)]


def test_sums_stay_while_statements_are_not_read() -> None:
    book = ObservedBook()
    sums(book, at(0, 8))
    sums(book, at(15, 16))

    assert sums(book, seen()) == [(8, 1.0)]
    assert sums(book, at(45, 24)) == [(16, 2.0)]


def test_increases_wait_for_the_text_of_their_statement() -> None:
    book = ObservedBook()
    textless: dict[str, Any] = {"texts": {}}
    sums(book, at(0, 8, queryid=81, changes=textless))

    assert sums(book, at(15, 16, queryid=81, changes=textless)) == []
    assert sums(book, at(30, 24, queryid=81, changes=textless)) == []
    known = {"texts": {81: replace(TEXTS[0], queryid=81)}}
    assert sums(book, at(45, 24, queryid=81, changes=known)) == [(16, 2.0)]
    assert sums(book, at(60, 24, queryid=81, changes=known)) == [(16, 2.0)]


def test_what_has_waited_too_long_counts_as_unknown() -> None:
    book = ObservedBook()
    textless: dict[str, Any] = {"texts": {}}
    late = PATIENCE.total_seconds() + 60
    book.update(at(0, 8, queryid=82, changes=textless))
    book.update(at(15, 16, queryid=82, changes=textless))

    observations = book.update(at(late, 16, queryid=82, changes=textless))

    assert observations.found == ()
    assert observations.quality == AttributionQuality(
        statements=1,
        calls=8,
        seconds=1.0,
        unknown_statements=1,
        unknown_calls=8,
        unknown_seconds=1.0,
    )
    known = {"texts": {82: replace(TEXTS[0], queryid=82)}}
    assert sums(book, at(late + 15, 24, queryid=82, changes=known)) == [(8, 1.0)]


def test_time_inside_functions_adds_up_too() -> None:
    book = ObservedBook()
    first, second = (
        replace(
            view,
            readings={
                **view.readings,
                (HelperFunctionRow, "app"): reading(
                    [
                        make(
                            HelperFunctionRow,
                            oid=7,
                            calls_total=calls,
                            exec_time_seconds_total=calls / 4,
                        )
                    ],
                    datname="app",
                    monotonic=float(calls),
                ),
            },
        )
        for view, calls in ((at(0, 8), 2), (at(15, 16), 6))
    )

    before, after = book.update(first), book.update(second)

    assert before.helpers == ()
    assert [(each.calls, each.seconds) for each in after.helpers] == [(4, 1.0)]
    assert book.update(second).helpers == after.helpers
