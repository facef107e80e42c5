"""Unused indexes are listed with proof, or with why they stay."""

from datetime import timedelta
from typing import Any

import pytest

from monitor.advisor.unused_index import Thresholds, check
from monitor.model.catalog import Index
from monitor.model.finding import Finding
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.stat_replication import ReplicationRow
from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.window import UsageWindow
from tests.unit.factories import (
    NOW,
    current,
    make,
    make_catalog,
    make_index,
    make_table,
    view,
)

LARGE = 64 * 1024 * 1024


def findings(
    index: Index, *, days: float = 15, scans: int = 0, size: int = LARGE
) -> list[Finding]:
    window = make(UsageWindow, since=NOW - timedelta(days=days), until=NOW, scans=scans)
    seen = view(
        current(IndexRow, make(IndexRow, oid=2, last_idx_scan=None), datname="app"),
        current(TableRow, make(TableRow, oid=1, seq_scan_total=9), datname="app"),
        current(SizeRow, make(SizeRow, oid=2, size_bytes=size), datname="app"),
        current(ReplicationRow),
        catalogs=[make_catalog(make_table(), indexes=[index])],
        windows={("app", 2): window},
    )
    return list(check(seen, Thresholds()))


@pytest.mark.requirement("S8.2.1-b")
def test_an_index_without_scans_for_two_weeks_is_listed_with_its_undo() -> None:
    (finding,) = findings(make_index())

    assert finding.remedy is not None
    assert finding.remedy.sql == "drop index concurrently public.orders_idx;"
    assert finding.remedy.undo == (
        "CREATE INDEX CONCURRENTLY orders_idx ON public.orders USING btree "
        "(customer_id);"
    )
    assert finding.value == 15


@pytest.mark.requirement("S8.2.1-b")
@pytest.mark.parametrize(
    "changes",
    [
        {"is_unique": True},
        {"is_primary": True},
        {"is_partition": True},
        {"is_valid": False},
        {"comment": "pgvigil:keep"},
        {"extension": "postgis"},
    ],
)
def test_indexes_whose_scans_say_nothing_are_not_listed(
    changes: dict[str, Any],
) -> None:
    assert not findings(make_index(**changes))


@pytest.mark.parametrize(
    "changes", [{"days": 13.9}, {"scans": 1}, {"size": 8192}], ids=str
)
def test_near_misses_are_not_listed(changes: dict[str, int]) -> None:
    assert not findings(make_index(), **changes)


@pytest.mark.promise(3)
def test_a_needed_index_is_listed_as_not_droppable_with_reasons_and_no_remedy() -> None:
    (finding,) = findings(make_index(is_replica_identity=True, has_expressions=True))

    assert "not droppable" in finding.summary
    assert "Logical replication" in finding.summary
    assert finding.remedy is None


def test_the_last_scan_is_evidence_where_the_server_knows_it() -> None:
    index = make_index()
    long_ago = NOW - timedelta(days=100)
    seen = view(
        current(IndexRow, make(IndexRow, oid=2, last_idx_scan=long_ago), datname="app"),
        current(ReplicationRow),
        catalogs=[make_catalog(make_table(), indexes=[index])],
        windows={
            ("app", 2): make(UsageWindow, since=NOW - timedelta(days=20), until=NOW)
        },
    )

    (finding,) = check(seen, Thresholds(min_size_bytes=0))

    assert ("last index scan", long_ago.isoformat(sep=" ")) in [
        (each.name, each.value) for each in finding.evidence
    ]


def test_an_index_of_an_unknown_table_is_not_listed() -> None:
    seen = view(
        catalogs=[make_catalog(indexes=[make_index()])],
        windows={
            ("app", 2): make(UsageWindow, since=NOW - timedelta(days=20), until=NOW)
        },
    )

    assert not list(check(seen, Thresholds(min_size_bytes=0)))


def test_a_definition_that_could_not_be_read_gives_no_undo() -> None:
    (finding,) = findings(make_index(definition=""))

    assert finding.remedy is not None
    assert not finding.remedy.undo
