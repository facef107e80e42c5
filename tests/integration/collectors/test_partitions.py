"""Tables partitioned by time, as collected and judged, on every version."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.finding import Severity
from monitor.model.rows.partitions import PartitionsRow
from monitor.model.target import Credentials
from tests.collecting import bench
from tests.judging import Court

Admin = psycopg.AsyncConnection[TupleRow]

pytestmark = [pytest.mark.pg, pytest.mark.requirement("S8.1.2-h", "S-P1")]

_SCHEMA = """
set timezone = 'Asia/Tokyo';
set datestyle = 'SQL, DMY';
create table events (id integer, at timestamptz not null) partition by range (at);
create table events_old partition of events
for values from (minvalue) to ('2020-01-01 00:00:00+00');
create table events_2020_01 partition of events
for values from ('2020-01-01 00:00:00+00') to ('2020-02-01 00:00:00+00');
create table events_default partition of events default;
create table days (day date not null) partition by range (day);
create table days_1 partition of days for values from ('01/02/2020') to ('infinity');
create table hashed (id integer) partition by hash (id);
create table ranged (id integer) partition by range (id);
create table pairs (a date, b date) partition by range (a, b);
create table plain (at date);
"""


async def _rows(reader: Credentials) -> dict[str, PartitionsRow]:
    async with bench(reader) as at:
        rows = await at.rows("partitions", PartitionsRow)
    return {row.relname: row for row in rows}


async def test_bounds_are_read_in_utc_whatever_a_session_prefers(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute(_SCHEMA)

    rows = await _rows(reader)

    assert set(rows) == {"events", "days"}
    events = rows["events"]
    assert events.names == ("events_old", "events_2020_01")
    assert events.lowers == ("", "2020-01-01 00:00:00")
    assert events.uppers == ("2020-01-01 00:00:00", "2020-02-01 00:00:00")
    assert str(events.newest_bound) == "2020-02-01 00:00:00+00:00"
    assert (events.keyname, events.default_relname) == ("at", "events_default")
    assert (events.is_platform, events.has_partman) == (False, False)


async def test_a_table_without_an_end_has_no_newest_bound(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute(_SCHEMA)

    days = (await _rows(reader))["days"]

    assert (days.names, days.newest_bound, days.default_tuples) == ((), None, None)


async def test_nothing_is_returned_where_nothing_is_partitioned(
    reader: Credentials,
) -> None:
    assert await _rows(reader) == {}


async def test_the_query_waits_for_nobody(reader: Credentials, admin: Admin) -> None:
    await admin.execute(_SCHEMA)
    await admin.execute("begin")
    await admin.execute("lock table events in access exclusive mode")

    rows = await asyncio.wait_for(_rows(reader), 20)
    await admin.execute("rollback")

    assert rows["events"].uppers[-1] == "2020-02-01 00:00:00"


async def test_pg_partman_is_seen(reader: Credentials, admin: Admin) -> None:
    await admin.execute(_SCHEMA)
    await admin.execute("create schema partman")
    await admin.execute("create table partman.part_config (parent_table text)")

    assert (await _rows(reader))["events"].has_partman


async def test_a_table_that_ended_and_its_default_rows_are_found(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    await admin.execute(_SCHEMA)
    await _insert(conninfo)
    async with bench(reader) as at:
        # A new database's first statistics begin an epoch of their own.
        await at.until("partitions", PartitionsRow, _is_filled)
        court = Court(at)
        await court.read("partitions")
        (standing,) = court.judge("partition_default_rows")
        await _insert(conninfo)
        await at.until("partitions", PartitionsRow, lambda r: _is_filled(r, 6))
        await court.read("partitions")
        (growing,) = court.judge("partition_default_rows")
        (ended,) = court.judge("partition_horizon")

    assert (standing.severity, standing.value) == (Severity.WARNING, 3.0)
    assert (growing.severity, growing.value) == (Severity.CRITICAL, 6.0)
    assert (ended.severity, ended.object.name) == (Severity.CRITICAL, "events")


def _is_filled(rows: Sequence[PartitionsRow], tuples: int = 3) -> bool:
    return any(row.default_tuples == tuples for row in rows)


async def _insert(conninfo: str) -> Any:
    """Insert in a session of its own: at its end, at the latest, it reports."""
    async with await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True
    ) as client:
        await client.execute(
            "insert into events select n, now() from generate_series(1, 3) as n"
        )
