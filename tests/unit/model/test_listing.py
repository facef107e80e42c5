"""Lists that operators read, from readings and the catalog."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from monitor.model import shape
from monitor.model.listing import indexes as index_list
from monitor.model.listing import statements as statement_list
from monitor.model.listing import tables as table_list
from monitor.model.listing.indexes import IndexEntry, indexes
from monitor.model.listing.locks import blocking, locks
from monitor.model.listing.readiness import ReadinessItem, overall, readiness
from monitor.model.listing.rls import rls
from monitor.model.listing.statements import StatementEntry, statements
from monitor.model.listing.tables import TableEntry, tables
from monitor.model.listing.targets import target_entry
from monitor.model.rows.backends import BackendRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import View
from tests.unit import states
from tests.unit.factories import NOW, current, make, view

VIEW = states.primary_view()


def listed_statements(seen: View, *, has_texts: bool = True) -> list[StatementEntry]:
    return [s.entry() for s in statements(seen, has_texts=has_texts)]


def listed_tables(seen: View) -> dict[str, TableEntry]:
    return {entry.name: entry for entry in (t.entry() for t in tables(seen))}


def listed_indexes(seen: View) -> dict[str, IndexEntry]:
    return {entry.name: entry for entry in (i.entry() for i in indexes(seen))}


def test_statements_cover_the_window() -> None:
    first, *rest = listed_statements(VIEW)

    assert first.exec_time_seconds == 412.5
    assert first.window_seconds == 300.0
    assert first.text is not None
    assert first.text.startswith("update public.orders")
    assert [s.exec_time_seconds for s in rest] == [96.1, 31.9, 22.4, 4.2]


def test_statement_texts_are_null_where_they_are_not_shown() -> None:
    found = listed_statements(VIEW, has_texts=False)

    assert {entry.text for entry in found} == {None}


def test_statements_without_a_delta_are_since_the_statistics_began() -> None:
    row = make(StatementRow, queryid=1, calls_total=2, exec_time_seconds_total=3.0)

    (found,) = listed_statements(view(current(StatementRow, row)))

    assert found.window_seconds is None
    assert found.mean_exec_time_seconds == 1.5
    assert found.text == ""


def test_a_queryid_keeps_all_its_digits_in_json() -> None:
    entry = listed_statements(VIEW)[0]

    shown = shape.plain_fields(entry)

    assert shown["queryid"] == "4611686018427387900"


def test_a_table_shows_sizes_tuples_and_bloat() -> None:
    found = listed_tables(VIEW)

    orders = found["orders"]
    assert orders.total_bytes == 1_912_602_624
    assert orders.table_bytes is not None
    assert orders.bloat_bytes == orders.table_bytes - int(orders.table_bytes * 0.8)
    assert orders.dead_ratio == 231_004 / (1_204_331 + 231_004)
    assert not found["events"].is_exact


def test_a_table_that_was_not_read_has_no_figures() -> None:
    bare = view(catalogs=VIEW.catalogs.values())

    found = listed_tables(bare)

    assert found["orders"].total_bytes is None
    assert found["orders"].n_dead_tup is None
    assert found["orders"].dead_ratio is None


def test_an_index_shows_our_own_window_beside_the_servers_count() -> None:
    found = listed_indexes(VIEW)

    assert found["orders_legacy_idx"].window_scans == 0
    assert found["orders_legacy_idx"].window_since == NOW - timedelta(days=31)
    assert found["orders_pkey"].idx_scan == 904_113
    assert found["orders_pkey"].window_since is None


def test_rls_lists_protected_tables_and_idle_policies() -> None:
    found = {entry.name: entry for entry in rls(states.primary())}

    assert found.keys() == {"orders", "customers", "events"}
    assert [p.name for p in found["orders"].policies] == [
        "orders_owner",
        "orders_staff",
    ]
    assert found["orders"].policies[1].command == "select"
    assert found["customers"].policies == ()
    assert not found["events"].has_rls


def test_a_row_ranks_by_the_same_figures_that_it_shows() -> None:
    for ranked, orders in (
        (next(tables(VIEW)), table_list.ORDERS),
        (next(indexes(VIEW)), index_list.ORDERS),
        (next(statements(VIEW, has_texts=False)), statement_list.ORDERS),
    ):
        entry = ranked.entry()

        for name in ("id", "target", "database", *orders):
            assert getattr(ranked, name) == getattr(entry, name), name


def test_the_blocking_tree_puts_each_victim_below_its_blocker() -> None:
    (queue,) = blocking(VIEW)

    assert queue.root_pid == 4711
    assert queue.victims == 3
    assert [(b.pid, b.depth) for b in queue.backends] == [
        (4711, 0),
        (4720, 1),
        (4733, 2),
        (4735, 1),
    ]


def test_backends_in_a_circle_are_listed_once() -> None:
    circle = (
        make(BackendRow, pid=1, blocked_by=(2,), wait_seconds=1.0),
        make(BackendRow, pid=2, blocked_by=(1,), wait_seconds=2.0),
    )

    (queue,) = blocking(view(current(BackendRow, *circle)))

    assert [b.pid for b in queue.backends] == [1, 2]


def test_a_blocker_that_is_no_backend_is_named_for_what_it_is() -> None:
    victim = make(BackendRow, pid=8, blocked_by=(0,), wait_seconds=1.0)

    (queue,) = blocking(view(current(BackendRow, victim)))

    assert queue.backends[0].what == "prepared transaction"


def test_awaited_locks_come_before_held_ones() -> None:
    assert [entry.is_granted for entry in locks(VIEW)] == [False, True]


def test_a_target_counts_connections_and_names_collectors_that_do_not_run() -> None:
    entry = target_entry(states.primary(), NOW)

    collectors = {one.name: one.state for one in entry.collectors}
    assert entry.connections.used == 94
    assert entry.connections.max == 100
    assert entry.connections.idle_in_transaction == 8
    assert collectors["relation_size"] == "failing"
    assert collectors["stat_archiver"] == "stale"
    assert collectors["recovery"] == "skipped"
    assert collectors["stat_activity"] == "ok"


def test_a_collector_is_not_stale_at_three_intervals() -> None:
    status = replace(
        states.collectors()[0], last_success=NOW - timedelta(seconds=15), error=""
    )

    entry = target_entry(states.primary(collectors=(status,)), NOW)

    assert entry.collectors[0].state == "ok"


def test_a_target_that_was_never_reached_has_no_server_and_no_figures() -> None:
    entry = target_entry(states.unreachable(), NOW)

    assert entry.server is None
    assert entry.connections.used is None
    assert entry.capabilities == ()


def test_a_target_never_shows_its_credentials() -> None:
    shown = str(shape.plain_fields(target_entry(states.primary(), NOW)))

    assert states.CANARY not in shown


def verdict(items: tuple[ReadinessItem, ...], item: str, target: str = "") -> str:
    return next(i.verdict for i in items if (i.item, i.target) == (item, target))


def test_readiness_tells_failures_from_what_nobody_knows() -> None:
    items = readiness(states.state())

    assert overall(items) == "fail"
    assert verdict(items, "configuration") == "pass"
    assert verdict(items, "alert delivery") == "pass"
    assert verdict(items, "monitoring", "legacy") == "fail"
    assert verdict(items, "capabilities", "legacy") == "unknown"
    assert verdict(items, "findings", "orders") == "fail"
    assert verdict(items, "findings", "orders-replica") == "warn"
    assert verdict(items, "row level security", "orders") == "fail"
    assert verdict(items, "row level security", "orders-replica") == "unknown"


def test_readiness_without_receivers_is_unknown_and_with_none_working_fails() -> None:
    state = states.state()
    broken = replace(state.notifiers[0], error="connection refused")

    without = readiness(replace(state, notifiers=()))
    failing = readiness(replace(state, notifiers=(broken,)))

    assert verdict(without, "alert delivery") == "unknown"
    assert verdict(failing, "alert delivery") == "fail"


def test_readiness_of_nothing_is_unknown() -> None:
    assert overall(()) == "unknown"
