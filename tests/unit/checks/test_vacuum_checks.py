"""Checks that rest on autovacuum's formulas."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from monitor.checks import autovacuum_saturation, dead_tuples, stale_statistics
from monitor.model.catalog import Relation
from monitor.model.finding import Severity
from monitor.model.rows.autovacuum_worker import AutovacuumRow
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.view import View
from tests.unit.factories import (
    NOW,
    Part,
    current,
    make,
    make_catalog,
    make_settings,
    make_table,
    run,
    view,
)

pytestmark = pytest.mark.requirement("S8.1.2-h")

MB = 1024 * 1024


def table(**changes: object) -> Relation:
    values: dict[str, object] = {"reltuples": 1_000_000.0, "relpages": 10_000}
    return make_table(**(values | changes))


def seen(relation: Relation, *others: Part, **statistics: object) -> View:
    row = make(TableRow, oid=1, **statistics)
    parts = (
        current(SettingsRow, make_settings()),
        current(TableRow, row, datname="app"),
        *others,
    )
    return view(*parts, catalogs=[make_catalog(relation)])


@pytest.mark.parametrize(
    ("dead", "severity"),
    [(400_100, Severity.WARNING), (2_000_500, Severity.CRITICAL)],
)
def test_reports_dead_tuples(dead: int, severity: Severity) -> None:
    found = run(dead_tuples, seen(table(), n_dead_tup=dead))

    assert [severity] == [f.severity for f in found]


def test_says_nothing_just_below_the_level() -> None:
    assert run(dead_tuples, seen(table(), n_dead_tup=400_099)) == []


def test_measures_a_table_by_its_own_options() -> None:
    relation = table(reloptions=("autovacuum_vacuum_scale_factor=0.01",))

    assert len(run(dead_tuples, seen(relation, n_dead_tup=20_100))) == 1


def test_ignores_few_dead_tuples() -> None:
    relation = table(reltuples=1.0)

    assert run(dead_tuples, seen(relation, n_dead_tup=9_999)) == []


@pytest.mark.parametrize("others", [(), (("size", 9 * MB),)])
def test_ignores_small_tables(others: tuple[tuple[str, int], ...]) -> None:
    parts = [
        current(SizeRow, make(SizeRow, oid=1, size_bytes=size), datname="app")
        for _, size in others
    ]
    relation = table(relpages=10_000 if parts else 1)

    assert run(dead_tuples, seen(relation, *parts, n_dead_tup=400_100)) == []


def test_takes_the_measured_size_of_the_table_itself() -> None:
    rows = [make(SizeRow, oid=9), make(SizeRow, oid=1, size_bytes=10 * MB)]
    part = current(SizeRow, *rows, datname="app")

    assert len(run(dead_tuples, seen(table(relpages=1), part, n_dead_tup=400_100))) == 1


def test_says_that_autovacuum_is_off_and_how_to_switch_it_on() -> None:
    relation = table(reloptions=("autovacuum_enabled=false",))
    vacuumed = NOW - timedelta(hours=2)

    found = run(dead_tuples, seen(relation, n_dead_tup=400_100, last_vacuum=vacuumed))

    assert found[0].summary.endswith("autovacuum is switched off for it")
    assert found[0].remedy is not None
    assert "reset (autovacuum_enabled)" in found[0].remedy.sql
    assert "2 h ago" in {e.value for e in found[0].evidence}


def test_reports_stale_statistics() -> None:
    analyzed = NOW - timedelta(days=3)

    found = run(
        stale_statistics,
        seen(table(), n_mod_since_analyze=300_150, last_analyze=analyzed),
    )

    assert [f.severity for f in found] == [Severity.WARNING]
    assert "3 d ago" in {e.value for e in found[0].evidence}


def test_says_nothing_about_statistics_just_below_the_level() -> None:
    assert run(stale_statistics, seen(table(), n_mod_since_analyze=300_149)) == []


@pytest.mark.parametrize("estimate", [(-1.0, 1), (0.0, 0)])
def test_reports_a_table_that_was_never_analyzed(estimate: tuple[float, int]) -> None:
    reltuples, relpages = estimate
    relation = table(reltuples=reltuples, relpages=relpages)

    found = run(stale_statistics, seen(relation, n_live_tup=10_000))

    assert found[0].summary.endswith("was never analyzed")


def test_does_not_take_a_crash_for_a_missing_analyze() -> None:
    assert run(stale_statistics, seen(table(), n_live_tup=10_000)) == []


def test_does_not_call_a_table_never_analyzed_that_has_just_been() -> None:
    relation = table(reltuples=-1.0)

    assert (
        run(stale_statistics, seen(relation, n_live_tup=10_000, last_autoanalyze=NOW))
        == []
    )


def test_ignores_the_statistics_of_small_tables() -> None:
    relation = table(reltuples=9_999.0)

    assert run(stale_statistics, seen(relation, n_mod_since_analyze=99_999)) == []


def saturated(
    waiting: int, busy_with: Sequence[int] = (0, 0, 0), **changes: Any
) -> View:
    oids = range(1, waiting + 1)
    rows = [make(TableRow, oid=oid, n_dead_tup=51) for oid in oids]
    workers = [make(AutovacuumRow, datname="app", relid=oid) for oid in busy_with]
    parts = (
        current(SettingsRow, make_settings()),
        current(AutovacuumRow, *workers),
        current(TableRow, *rows, datname="app"),
    )
    tables = [make_table(oid=oid, relname=f"t{oid}", **changes) for oid in oids]
    return view(*parts, catalogs=[make_catalog(*tables)])


@pytest.mark.parametrize(
    ("waiting", "severity"), [(10, Severity.WARNING), (100, Severity.CRITICAL)]
)
def test_reports_that_autovacuum_does_not_keep_up(
    waiting: int, severity: Severity
) -> None:
    found = run(autovacuum_saturation, saturated(waiting))

    assert [f.severity for f in found] == [severity]


def test_busy_workers_are_no_fault_while_few_tables_wait() -> None:
    assert run(autovacuum_saturation, saturated(9)) == []


def test_waiting_tables_are_no_fault_while_a_worker_is_free() -> None:
    assert run(autovacuum_saturation, saturated(100, busy_with=(0, 0))) == []


def test_tables_that_autovacuum_does_not_serve_do_not_wait() -> None:
    seen_all = saturated(100, reloptions=("autovacuum_enabled=off",))

    assert run(autovacuum_saturation, seen_all) == []


@pytest.mark.parametrize(("busy_with", "count"), [((1, 2, 3), 0), ((0, 0, 0), 1)])
def test_a_table_being_worked_on_does_not_wait(
    busy_with: Sequence[int], count: int
) -> None:
    assert len(run(autovacuum_saturation, saturated(12, busy_with))) == count
