"""Usage windows of indexes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.snapshot import Reading
from monitor.runtime.windows import WindowBook

START = datetime(2026, 3, 1, tzinfo=UTC)
OID = 4711


def row(scans: int, oid: int = OID) -> IndexRow:
    return IndexRow(
        oid=oid,
        token=scans,
        idx_scan_total=scans,
        idx_tup_read_total=0,
        idx_tup_fetch_total=0,
        idx_blks_read_total=0,
        idx_blks_hit_total=0,
        last_idx_scan=None,
    )


def reading(*rows: IndexRow, epoch: str = "a") -> Reading[IndexRow]:
    return Reading(
        collector="stat_user_indexes",
        datname="app",
        monotonic=0.0,
        epoch=epoch,
        rows=rows,
    )


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def test_window_grows_while_an_index_is_not_scanned() -> None:
    book = WindowBook()

    for number in range(15):
        book.note(reading(row(7)), day(number))

    window = book["app", OID]
    assert (window.since, window.until, window.scans) == (day(0), day(14), 0)


def test_scans_before_the_window_do_not_count() -> None:
    book = WindowBook()
    book.note(reading(row(1000)), day(0))

    book.note(reading(row(1002)), day(1))

    assert book["app", OID].scans == 2
    assert book["app", OID].last_scan == day(1)


def test_a_new_epoch_restarts_the_window_of_an_index_with_no_scans() -> None:
    book = WindowBook()
    book.note(reading(row(0)), day(0))

    book.note(reading(row(0), epoch="b"), day(10))

    assert book["app", OID].since == day(10)


def test_a_counter_that_fell_restarts_its_window_alone() -> None:
    book = WindowBook()
    book.note(reading(row(5), row(3, oid=1)), day(0))

    book.note(reading(row(1), row(3, oid=1)), day(10))

    assert book["app", OID].since == day(10)
    assert book["app", 1].since == day(0)


def test_a_dropped_index_is_forgotten() -> None:
    book = WindowBook()
    book.note(reading(row(0), row(0, oid=1)), day(0))

    book.note(reading(row(0)), day(1))

    assert list(book) == [("app", OID)]


def test_scans_on_a_standby_count_and_shorten_the_window() -> None:
    primary, standby = WindowBook(), WindowBook()
    primary.note(reading(row(0)), day(0))
    primary.note(reading(row(0)), day(20))
    standby.note(reading(row(0), epoch="standby"), day(5))
    standby.note(reading(row(9), epoch="standby"), day(20))

    primary.peers = {"standby-1": standby}

    window = primary["app", OID]
    assert (window.since, window.scans, window.standbys) == (day(5), 9, ("standby-1",))


def test_a_standby_that_has_not_seen_the_index_is_not_listed() -> None:
    primary = WindowBook()
    primary.note(reading(row(0)), day(0))

    primary.peers = {"standby-1": WindowBook()}

    assert primary["app", OID].standbys == ()


def test_a_snapshot_does_not_follow_later_readings() -> None:
    book = WindowBook()
    book.note(reading(row(0)), day(0))

    snapshot = book.snapshot()
    book.note(reading(row(9), row(1, oid=1)), day(1))

    assert snapshot["app"].until == day(0)
    assert {oid: r.scans for oid, r in snapshot["app"].records.items()} == {OID: 0}


def test_windows_restart_for_unchanged_rows_when_the_epoch_changes() -> None:
    book = WindowBook()
    same = row(7)
    book.note(reading(same), day(0))

    book.note(reading(same, epoch="b"), day(5))

    assert book["app", OID].since == day(5)
