"""Past readings and the deltas between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from monitor.model.snapshot import Reading
from monitor.runtime.history import History, Recent


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRow:
    KEY: ClassVar[tuple[str, ...]] = ("name",)

    name: str
    things_total: int


def reading(at: float, count: int, *, epoch: str = "a") -> Reading[CountRow]:
    return Reading(
        collector="count",
        datname="",
        monotonic=at,
        epoch=epoch,
        rows=(CountRow(name="x", things_total=count),),
    )


def test_first_reading_gives_no_delta() -> None:
    history: History[CountRow] = History(300)

    history.add(reading(0, 100))

    assert (history.change, history.recent) == (None, None)


def test_change_covers_the_time_since_the_previous_reading() -> None:
    history: History[CountRow] = History(300)
    for at, count in ((0, 100), (15, 110), (30, 130)):
        history.add(reading(at, count))

    change = history.change

    assert change is not None
    assert (change.seconds, change.rows[0].things_total) == (15, 20)


def test_recent_covers_the_span_and_not_much_more() -> None:
    history: History[CountRow] = History(300)
    for at in range(0, 3601, 15):
        history.add(reading(at, at))

    recent = history.recent

    assert recent is not None
    assert 300 <= recent.seconds <= 300 + 300 / 5
    assert recent.rows[0].things_total == recent.seconds


def test_recent_covers_all_there_is_before_the_span_is_full() -> None:
    history: History[CountRow] = History(300)
    for at in (0, 15, 30):
        history.add(reading(at, at))

    assert history.recent is not None
    assert history.recent.seconds == 30


def test_a_reset_forgets_everything_before_it() -> None:
    history: History[CountRow] = History(300)
    history.add(reading(0, 100))
    history.add(reading(15, 110))

    history.add(reading(30, 5, epoch="b"))

    assert (history.change, history.recent) == (None, None)


def test_deltas_go_on_after_a_reset() -> None:
    history: History[CountRow] = History(300)
    history.add(reading(0, 100))
    history.add(reading(15, 5, epoch="b"))

    history.add(reading(30, 8, epoch="b"))

    assert history.change is not None
    assert history.change.rows[0].things_total == 3
    assert history.recent == history.change


def test_an_unchanged_row_stays_the_same_object() -> None:
    history: History[CountRow] = History(300)
    history.add(reading(0, 100))
    assert history.current is not None
    first = history.current.rows[0]

    history.add(reading(15, 100))

    assert history.current.rows[0] is first


def test_a_changed_row_is_a_new_object() -> None:
    history: History[CountRow] = History(300)
    history.add(reading(0, 100))
    assert history.current is not None
    first = history.current.rows[0]

    history.add(reading(15, 101))

    assert history.current.rows[0] is not first


def test_few_readings_are_kept_however_often_one_comes() -> None:
    history: History[CountRow] = History(300)

    for at in range(3000):
        history.add(reading(at, at))

    assert len(history) <= 7


def test_recent_changes_are_told_by_kind_and_database() -> None:
    history: History[CountRow] = History(300)
    history.add(reading(0, 100))
    history.add(reading(15, 110))
    assert history.compared is not None

    recent = Recent({(CountRow, ""): history.compared})

    assert (CountRow, "") in recent
    assert (CountRow, "app") not in recent
    assert recent.get((CountRow, "")) == history.recent
    assert list(recent) == [(CountRow, "")]


def test_rows_that_did_not_change_are_shared() -> None:
    history: History[CountRow] = History(300)
    first = reading(0, 100)
    history.add(first)

    history.add(reading(15, 100))

    assert history.current is not None
    assert history.current.rows[0] is first.rows[0]
