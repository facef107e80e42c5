"""Each rule against dropping an index objects in its case and only in its case."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.model.catalog import Catalog, ForeignKey, Index
from monitor.model.droppable import (
    Usage,
    WindowRule,
    includes_month_end,
    standbys,
    usages,
    why_not_droppable,
)
from monitor.model.rows.replication_slots import ReplicationSlotsRow
from monitor.model.rows.stat_replication import ReplicationRow
from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.target import Target
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

RULE = WindowRule(min_window=timedelta(days=30), needs_month_end=True)
BUSY = make(TableRow, oid=1, seq_scan_total=1)


def window(days: float = 45, **changes: object) -> UsageWindow:
    since = NOW - timedelta(days=days)
    known = {"datname": "app", "oid": 2, "since": since, "until": NOW}
    return make(UsageWindow, **(known | changes))


def used(**changes: Any) -> Usage:
    known: dict[str, Any] = {"window": window(), "standbys": 0, "table": BUSY}
    return Usage(**(known | changes))


def rules(
    index: Index, usage: Usage | None = None, catalog: Catalog | None = None
) -> list[str]:
    known = catalog or make_catalog(make_table(), indexes=[index])
    vetoes = why_not_droppable(index, known, usage or used(), RULE)
    return [veto.rule for veto in vetoes]


@pytest.mark.promise(3)
def test_a_plain_index_that_nobody_used_is_droppable() -> None:
    assert not rules(make_index())


@pytest.mark.promise(3)
@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("primary", {"is_primary": True}),
        ("exclusion", {"is_exclusion": True}),
        ("constraint", {"constraint": "orders_key"}),
        ("replica_identity", {"is_replica_identity": True}),
        ("clustered", {"is_clustered": True}),
        ("partition_child", {"is_partition": True}),
        ("extension", {"extension": "postgis"}),
        ("invalid", {"is_valid": False}),
        ("invalid", {"is_ready": False}),
        ("keep", {"comment": "audit asked: pgvigil:keep"}),
        ("unique", {"is_unique": True}),
        ("expression_statistics", {"has_expressions": True}),
    ],
)
def test_what_the_catalog_forbids(rule: str, changes: dict[str, Any]) -> None:
    assert [rule] == rules(make_index(**changes))


@pytest.mark.promise(3)
def test_an_index_of_a_partitioned_table_is_not_judged_by_its_own_scans() -> None:
    index = make_index()
    catalog = make_catalog(make_table(kind="p"), indexes=[index])

    assert rules(index, catalog=catalog) == ["partitioned"]


def test_an_index_of_an_unknown_table_is_not_droppable() -> None:
    assert rules(make_index(), catalog=make_catalog()) == ["partitioned"]


KEY = make(ForeignKey, oid=9, name="fk", relid=1, columns=("customer_id",))


@pytest.mark.promise(3)
def test_the_only_index_of_a_foreign_key_is_needed() -> None:
    index = make_index()
    catalog = make_catalog(make_table(), indexes=[index], foreign_keys=[KEY])

    assert rules(index, catalog=catalog) == ["foreign_key"]


@pytest.mark.promise(3)
def test_a_foreign_key_with_another_index_frees_the_first() -> None:
    index = make_index()
    other = make_index(
        oid=3, indexrelname="other", columns=("customer_id", "id"), key_columns=2
    )
    catalog = make_catalog(make_table(), indexes=[index, other], foreign_keys=[KEY])

    assert not rules(index, catalog=catalog)


@pytest.mark.promise(3)
@pytest.mark.parametrize(
    "changes",
    [{"is_valid": False}, {"predicate": "(id > 5)"}, {"columns": ("id",)}],
)
def test_an_index_that_does_not_serve_the_key_does_not_free_the_other(
    changes: dict[str, Any],
) -> None:
    index = make_index()
    other = make_index(oid=3, indexrelname="other", **changes)
    catalog = make_catalog(make_table(), indexes=[index, other], foreign_keys=[KEY])

    assert rules(index, catalog=catalog) == ["foreign_key"]


@pytest.mark.promise(3)
@pytest.mark.parametrize(
    ("rule", "usage"),
    [
        ("window", used(window=None)),
        ("window", used(window=window(days=29))),
        ("used", used(window=window(scans=1))),
        ("used", used(last_scan=NOW - timedelta(days=1))),
        ("standbys", used(standbys=None)),
        ("standbys", used(standbys=1)),
        ("standbys", used(standbys=2, window=window(standbys=("b",)))),
        ("table_idle", used(table=make(TableRow, oid=1))),
    ],
)
def test_what_the_observed_use_does_not_prove(rule: str, usage: Usage) -> None:
    assert [rule] == rules(make_index(), usage)


@pytest.mark.parametrize(
    "usage",
    [
        used(standbys=1, window=window(standbys=("b",))),
        used(last_scan=NOW - timedelta(days=60)),
        used(table=None),
    ],
)
def test_what_does_not_speak_against_dropping(usage: Usage) -> None:
    assert not rules(make_index(), usage)


@pytest.mark.promise(3)
def test_a_window_without_the_end_of_a_month_does_not_prove_it() -> None:
    since, until = (
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 31, 23, tzinfo=UTC),
    )
    usage = used(window=window(since=since, until=until))

    assert rules(make_index(), usage) == ["month_end"]


def test_the_turn_of_a_month_is_seen_across_a_year() -> None:
    before, after = datetime(2025, 12, 31, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)

    assert includes_month_end(before, after)


def test_connected_standbys_count_even_if_none_is_registered() -> None:
    seen = view(current(ReplicationRow, make(ReplicationRow), make(ReplicationRow)))

    assert standbys(seen) == 2


def test_logical_subscribers_are_no_standbys() -> None:
    slot = make(ReplicationSlotsRow, slot_type="logical", is_active=True)
    seen = view(
        current(ReplicationRow, make(ReplicationRow)),
        current(ReplicationSlotsRow, slot),
    )

    assert standbys(seen) == 0


def test_a_registered_standby_that_is_away_still_counts() -> None:
    target = Target(name="orders", registered_standbys=1)

    assert standbys(view(current(ReplicationRow), target=target)) == 1


def test_unseen_replication_is_not_no_replication() -> None:
    assert standbys(view()) is None


def test_usage_gathers_window_table_and_last_scan() -> None:
    row = make(IndexRow, oid=2, last_idx_scan=NOW)
    seen = view(
        current(IndexRow, row, datname="app"),
        current(TableRow, BUSY, datname="app"),
        current(ReplicationRow),
        windows={("app", 2): window()},
    )

    assert usages(seen, "app")(make_index()) == used(last_scan=NOW)


def test_usage_of_an_unwatched_index_is_unknown() -> None:
    assert usages(view(), "app")(make_index()) == Usage(window=None)
