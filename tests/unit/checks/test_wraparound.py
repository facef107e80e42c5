from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import pytest

from monitor.checks import multixact_wraparound, transaction_wraparound
from monitor.model.finding import Severity
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_database import DatabaseRow
from tests.unit.factories import (
    Part,
    current,
    make,
    make_catalog,
    make_settings,
    make_table,
    run,
    view,
)


class Case(NamedTuple):
    module: ModuleType
    age_field: str
    limit_setting: str


CASES = (
    Case(transaction_wraparound, "frozen_xid_age", "autovacuum_freeze_max_age"),
    Case(multixact_wraparound, "min_mxid_age", "autovacuum_multixact_freeze_max_age"),
)

pytestmark = [
    pytest.mark.requirement("S8.1.2-h"),
    pytest.mark.parametrize("case", CASES, ids=lambda case: case.age_field),
]


def age(percent: float) -> int:
    return round(2**31 * percent / 100)


def database(age_field: str, percent: float) -> Part:
    row = make(DatabaseRow, datname="app", **{age_field: age(percent)})
    return current(DatabaseRow, row)


@pytest.mark.parametrize(
    ("percent", "severity"),
    [(40.001, Severity.WARNING), (75.001, Severity.CRITICAL)],
)
def test_reports_a_database_that_runs_out_of_ids(
    case: Case,
    percent: float,
    severity: Severity,
) -> None:
    settings = current(SettingsRow, make_settings())

    found = run(case.module, view(database(case.age_field, percent), settings))

    assert [(severity, "app")] == [(f.severity, f.database) for f in found]


def test_says_nothing_just_below_the_level(case: Case) -> None:
    assert run(case.module, view(database(case.age_field, 39.9))) == []


@pytest.mark.parametrize(("percent", "count"), [(60.0, 0), (72.0, 1)])
def test_does_not_warn_before_freezing_is_due(
    case: Case, percent: float, count: int
) -> None:
    settings = make_settings(**{case.limit_setting: age(65)})

    parts = database(case.age_field, percent), current(SettingsRow, settings)

    assert count == len(run(case.module, view(*parts)))


def test_is_critical_however_late_freezing_is_configured(case: Case) -> None:
    settings = make_settings(**{case.limit_setting: age(90)})

    found = run(
        case.module, view(database(case.age_field, 76), current(SettingsRow, settings))
    )

    assert [f.severity for f in found] == [Severity.CRITICAL]


def test_names_the_oldest_tables(case: Case) -> None:
    tables = [make_table(oid=oid, relname=f"t{oid}") for oid in (1, 2, 3)]
    rows = [
        make(SizeRow, oid=1, **{case.age_field: age(50)}),
        make(SizeRow, oid=2, **{case.age_field: age(80)}),
        make(SizeRow, oid=3, **{case.age_field: age(39)}),
        make(SizeRow, oid=4, **{case.age_field: age(99)}),
        make(SizeRow, oid=5),
    ]
    parts = (
        current(SizeRow, *rows, datname="app"),
        current(SizeRow, *rows, datname="without catalog"),
    )

    found = run(case.module, view(*parts, catalogs=[make_catalog(*tables)]))

    expected = [("t2", Severity.CRITICAL), ("t1", Severity.WARNING)]
    assert expected == [(f.object.name, f.severity) for f in found]


def test_names_no_more_tables_than_it_was_told(case: Case) -> None:
    tables = [make_table(oid=oid, relname=f"t{oid}") for oid in range(1, 6)]
    rows = [make(SizeRow, oid=oid, **{case.age_field: age(50)}) for oid in range(1, 6)]
    part = current(SizeRow, *rows, datname="app")

    found = run(case.module, view(part, catalogs=[make_catalog(*tables)]), max_tables=2)

    assert len(found) == 2
