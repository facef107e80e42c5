from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.delta import Delta, counters, difference, increase
from monitor.model.rows.replication_slots import ReplicationSlotsRow
from monitor.model.rows.stat_archiver import ArchiverRow
from monitor.model.rows.stat_database import DatabaseRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.snapshot import Reading
from tests.unit.factories import NOW, make, reading

pytestmark = pytest.mark.promise(11)

NAMES = ("a", "b", "c", "d", "e")

Counts = dict[str, tuple[int, int | None]]

counts = st.integers(min_value=0, max_value=2**63 - 1)
readings = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(counts, st.none() | counts)
)
"""Per database: deadlocks, and checksum failures, which a server may not count."""


def at(second: float, values: Counts, **changes: Any) -> Reading[DatabaseRow]:
    rows = (
        make(
            DatabaseRow,
            datname=name,
            deadlocks_total=deadlocks,
            checksum_failures_total=failures,
        )
        for name, (deadlocks, failures) in values.items()
    )
    return reading(rows, monotonic=second, **changes)


def growing(steps: list[Counts]) -> list[Counts]:
    """Return totals whose steps are the given increases."""
    totals: dict[str, tuple[int, int | None]] = {}
    found: list[Counts] = []
    for step in steps:
        for name, (deadlocks, failures) in step.items():
            old = totals.get(name, (0, 0))
            totals[name] = (old[0] + deadlocks, (old[1] or 0) + (failures or 0))
        found.append(dict(totals))
    return found


def sums(delta: Delta[DatabaseRow]) -> dict[str, int]:
    return {row.datname: row.deadlocks_total for row in delta.rows}


@given(readings, readings)
@pytest.mark.requirement("X5")
def test_is_never_negative(before: Counts, after: Counts) -> None:
    delta = difference(at(0, before), at(5, after))

    assert delta is not None
    values = [getattr(r, name) for r in delta.rows for name in counters(type(r))]
    assert all(value is None or value >= 0 for value in values)


@pytest.mark.parametrize("is_complete", [True, False])
@given(before=readings, after=readings)
def test_accounts_for_every_row_once(
    is_complete: bool,  # noqa: FBT001 - hypothesis fills it
    before: Counts,
    after: Counts,
) -> None:
    delta = difference(at(0, before, is_complete=is_complete), at(5, after))

    assert delta is not None
    unchanged = sum(before.get(name) == value for name, value in after.items())
    assert len(delta.rows) + delta.withheld + unchanged == len(after)


@given(readings, readings)
def test_withholds_exactly_the_rows_that_went_back(
    before: Counts, after: Counts
) -> None:
    delta = difference(at(0, before), at(5, after))

    assert delta is not None
    fell = {name for name in before.keys() & after if _fell(before[name], after[name])}
    assert delta.withheld == len(fell)
    assert not fell & sums(delta).keys()


def _fell(old: tuple[int, int | None], new: tuple[int, int | None]) -> bool:
    pairs = zip(old, new, strict=True)
    return any(a is not None and b is not None and b < a for a, b in pairs)


@given(st.lists(readings, min_size=2, max_size=6))
def test_consecutive_deltas_add_up_to_the_whole(steps: list[Counts]) -> None:
    totals = growing(steps)
    series = [at(n, values) for n, values in enumerate(totals)]

    found: dict[str, int] = {}
    for earlier, later in pairwise(series):
        delta = difference(earlier, later)
        assert delta is not None
        for name, value in sums(delta).items():
            found[name] = found.get(name, 0) + value

    whole = difference(series[0], series[-1])
    assert whole is not None
    assert {n: v for n, v in sums(whole).items() if v} == {
        n: v for n, v in found.items() if v
    }


@given(readings, readings, st.text(min_size=1), st.text(min_size=1))
@pytest.mark.requirement("X5")
def test_never_crosses_a_reset(
    before: Counts, after: Counts, old: str, new: str
) -> None:
    delta = difference(at(0, before, epoch=old), at(5, after, epoch=new))

    assert (delta is None) == (old != new)


@given(readings, st.floats(max_value=0, allow_nan=False))
def test_is_none_when_time_did_not_advance(values: Counts, seconds: float) -> None:
    assert difference(at(0, values), at(seconds, values)) is None


@pytest.mark.parametrize("changes", [{"collector": "other"}, {"datname": "other"}])
@pytest.mark.requirement("X5")
def test_is_none_between_readings_of_different_things(changes: dict[str, str]) -> None:
    earlier = at(0, {"a": (1, 1)})

    assert difference(earlier, replace(earlier, monotonic=5.0, **changes)) is None


def test_counts_a_new_row_in_full() -> None:
    delta = difference(at(0, {}), at(5, {"a": (7, 1)}))

    assert delta is not None
    assert sums(delta) == {"a": 7}


def test_withholds_a_new_row_when_the_earlier_reading_was_cut() -> None:
    delta = difference(at(0, {}, is_complete=False), at(5, {"a": (7, 1)}))

    assert delta is not None
    assert (delta.rows, delta.withheld) == ((), 1)


def test_leaves_out_a_row_in_which_only_gauges_moved() -> None:
    before = make(DatabaseRow, datname="a", numbackends=1)
    after = replace(before, numbackends=2)

    delta = difference(reading([before]), reading([after], monotonic=5.0))

    assert delta is not None
    assert (delta.rows, delta.withheld) == ((), 0)


def test_leaves_out_the_very_same_row_object() -> None:
    row = make(TableRow, oid=1, seq_scan_total=5)

    delta = difference(reading([row]), reading([row], monotonic=5.0))

    assert delta is not None
    assert delta.rows == ()


def test_keeps_gauges_at_their_current_value() -> None:
    before = make(DatabaseRow, datname="a", numbackends=1, deadlocks_total=1)
    after = replace(before, numbackends=9, deadlocks_total=3)

    delta = difference(reading([before]), reading([after], monotonic=5.0))

    assert delta is not None
    assert [(r.numbackends, r.deadlocks_total) for r in delta.rows] == [(9, 2)]


@pytest.mark.parametrize("field", ["stats_reset", "stats_since"])
def test_withholds_a_row_that_was_reset_although_its_counter_has_grown(
    field: str,
) -> None:
    kind = DatabaseRow if field == "stats_reset" else StatementRow
    before = make(kind, **{field: NOW})
    name = counters(kind)[0]
    after = replace(before, **{field: NOW + timedelta(seconds=1), name: 99})

    delta = difference(reading([before]), reading([after], monotonic=5.0))

    assert delta is not None
    assert (delta.rows, delta.withheld) == ((), 1)


def test_withholds_a_row_whose_reset_time_was_lost_in_a_crash() -> None:
    before = make(DatabaseRow, datname="a", stats_reset=NOW, deadlocks_total=1)
    after = replace(before, stats_reset=None, deadlocks_total=2)

    delta = difference(reading([before]), reading([after], monotonic=5.0))

    assert delta is not None
    assert delta.withheld == 1


def test_takes_a_row_without_identity_for_the_only_one() -> None:
    before = make(ArchiverRow, archived_wal_total=5)
    after = replace(before, archived_wal_total=8)

    delta = difference(reading([before]), reading([after], monotonic=5.0))

    assert delta is not None
    assert [row.archived_wal_total for row in delta.rows] == [3]


def test_has_no_rows_for_a_kind_without_counters() -> None:
    before = make(ReplicationSlotsRow, slot_name="s", retained_bytes=1)
    after = replace(before, retained_bytes=2)

    delta = difference(reading([before]), reading([after], monotonic=5.0))

    assert delta is not None
    assert delta.rows == ()


def test_an_unknown_counter_stays_unknown() -> None:
    before = make(DatabaseRow, datname="a", sessions_total=None)
    after = replace(before, sessions_total=5, deadlocks_total=1)

    changed = increase(before, after)

    assert changed is not None
    assert (changed.sessions_total, changed.deadlocks_total) == (None, 1)
