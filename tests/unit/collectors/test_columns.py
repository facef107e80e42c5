from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from monitor.collectors import columns
from monitor.errors import TargetError
from monitor.model.snapshot import Kind
from monitor.postgres.request import Reply

_TEXT, _INTEGER, _BOOL, _FLOAT, _NUMERIC = 25, 20, 16, 701, 1700
_TIMESTAMPTZ, _INTERVAL, _LSN = 1184, 1186, 3220
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _reply(**types: int) -> Reply:
    return Reply(name="q", columns=tuple(types), types=tuple(types.values()))


@pytest.mark.parametrize(
    ("name", "type_oid", "kind", "exported"),
    [
        ("calls_total", _INTEGER, Kind.COUNTER, "calls_total"),
        ("time_seconds_total", _FLOAT, Kind.COUNTER, "time_seconds_total"),
        ("sum_total", _NUMERIC, Kind.COUNTER, "sum_total"),
        ("numbackends", _INTEGER, Kind.GAUGE, "numbackends"),
        ("is_active", _BOOL, Kind.GAUGE, "is_active"),
        ("lag_seconds", _INTERVAL, Kind.GAUGE, "lag_seconds"),
        ("datname", _TEXT, Kind.LABEL, "datname"),
        ("lsn", _LSN, Kind.LABEL, "lsn"),
        ("stats_reset", _TIMESTAMPTZ, Kind.GAUGE, "stats_reset_timestamp_seconds"),
        ("at_timestamp", _TIMESTAMPTZ, Kind.GAUGE, "at_timestamp_seconds"),
    ],
)
def test_name_and_type_say_how_a_column_is_exported(
    name: str, type_oid: int, kind: Kind, exported: str
) -> None:
    column = columns.describe(name, type_oid, "Help.")

    assert (column.name, column.kind, column.help) == (exported, kind, "Help.")


@pytest.mark.parametrize("name", ["server", "two words", "1st", "", "naïve"])
def test_a_name_that_no_series_can_have_is_refused(name: str) -> None:
    with pytest.raises(TargetError, match="cannot export"):
        columns.describe(name, _TEXT, "")


def test_a_counter_that_is_text_is_refused() -> None:
    with pytest.raises(TargetError, match="not a number"):
        columns.describe("calls_total", _TEXT, "")


def test_two_columns_of_one_name_are_refused() -> None:
    reply = Reply(name="q", columns=("a", "a"), types=(_TEXT, _TEXT))

    with pytest.raises(TargetError, match="same name"):
        columns.of_tuples(reply, {})


def test_values_become_numbers_and_labels() -> None:
    reply = _reply(
        name=_TEXT,
        raw=17,
        missing=_TEXT,
        flag=_BOOL,
        amount=_NUMERIC,
        at=_TIMESTAMPTZ,
        lag=_INTERVAL,
        unknown=_INTEGER,
    )
    row = ("a", b"\xff", None, True, Decimal("1.5"), _NOON, timedelta(minutes=1), None)

    cells = columns.of_tuples(reply, {}).cells(row)

    assert cells == ("a", "\\xff", "", 1, 1.5, _NOON.timestamp(), 60.0, None)


def test_rows_that_share_their_labels_are_exported_once() -> None:
    layout = columns.of_tuples(_reply(datname=_TEXT, n=_INTEGER), {})

    kept = columns.distinct(layout, (("a", 1), ("b", 2), ("a", 3)))

    assert kept == (("a", 1), ("b", 2))
