"""Continuous estimates from one reading to the next."""

from __future__ import annotations

from dataclasses import replace

from monitor.model.rls import Estimate, Probes, UnitCost
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.view import View
from monitor.runtime.estimates import EstimateBook
from tests.unit.factories import current, make, reading
from tests.unit.rls.probed import cost, seen


def read(rows: int, monotonic: float, *costs: UnitCost, epoch: str = "1") -> View:
    table = make(TableRow, oid=1, seq_tup_read_total=rows)
    view = seen(current(TableRow, table, datname="app"))
    known = reading([table], datname="app", monotonic=monotonic, epoch=epoch)
    readings = {**view.readings, (TableRow, "app"): known}
    return replace(view, readings=readings, probes=Probes(unit_costs=costs))


def only(found: tuple[Estimate, ...]) -> Estimate:
    (estimate,) = found
    return estimate


def test_each_reading_is_added_once() -> None:
    book, probed = EstimateBook(), cost(rows=0)

    first = only(book.update(read(1_000, 1.0, probed)))
    second = only(book.update(read(2_001_000, 2.0, probed)))
    again = only(book.update(read(2_001_000, 2.0, probed)))

    assert (first.rows_examined_total, first.seconds_total) == (0, 0.0)
    assert (second.rows_examined_total, second.seconds_total) == (2_000_000, 2.0)
    assert again == second


def test_an_estimate_is_withheld_beside_its_inputs_without_a_probe() -> None:
    book = EstimateBook()
    book.update(read(1_000, 1.0))

    found = only(book.update(read(3_000, 2.0)))

    assert (found.rows_examined_total, found.share) == (2_000, 1.0)
    assert (found.row_cost, found.seconds_total, found.quality) == (None, None, None)
    assert found.reason == "no probe of a role that reads it"


def test_a_reset_in_between_adds_nothing() -> None:
    book = EstimateBook()
    book.update(read(1_000, 1.0, cost(rows=0)))

    found = only(book.update(read(9_000, 2.0, cost(rows=0), epoch="2")))

    assert (found.rows_examined_total, found.seconds_total) == (0, 0.0)


def test_a_database_that_is_gone_is_forgotten() -> None:
    book = EstimateBook()
    book.update(read(1_000, 1.0))

    assert book.update(replace(read(1_000, 2.0), catalogs={})) == ()
