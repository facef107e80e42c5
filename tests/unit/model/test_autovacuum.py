from __future__ import annotations

import pytest

from monitor.model import autovacuum
from monitor.model.autovacuum import Table
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_user_tables import TableRow
from tests.unit.factories import (
    current,
    make,
    make_catalog,
    make_settings,
    make_table,
    view,
)


def table(*reloptions: str, n_live_tup: int = 0, **changes: object) -> Table:
    values: dict[str, object] = {"reltuples": 1000.0, "reloptions": reloptions}
    relation = make_table(**(values | changes))
    return Table(
        "app", relation, make(TableRow, n_live_tup=n_live_tup), make_settings()
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), 250),
        (("autovacuum_vacuum_threshold=0",), 200),
        (("autovacuum_vacuum_scale_factor=0.5", "fillfactor=70"), 550),
        (("autovacuum_vacuum_max_threshold=100",), 100),
        (("autovacuum_vacuum_max_threshold=-1",), 250),
        (("autovacuum_analyze_threshold=9999",), 250),
    ],
)
def test_a_table_s_own_options_win(options: tuple[str, ...], expected: float) -> None:
    assert table(*options).vacuum_threshold == expected


def test_analyze_has_options_of_its_own() -> None:
    assert table("autovacuum_analyze_scale_factor=1").analyze_threshold == 1050


@pytest.mark.parametrize("reltuples", [-1.0, 0.0])
def test_counts_live_tuples_where_there_is_no_estimate(reltuples: float) -> None:
    assert table(n_live_tup=100, reltuples=reltuples).vacuum_threshold == 70


@pytest.mark.parametrize("word", ["false", "off", "0", "OFF"])
def test_autovacuum_can_be_off_for_a_table(word: str) -> None:
    assert not table(f"autovacuum_enabled={word}").is_enabled


def test_a_table_cannot_switch_on_what_is_off_for_the_server() -> None:
    seen = table("autovacuum_enabled=true")
    settings = make_settings(autovacuum_enabled=False)

    assert not Table("app", seen.relation, seen.row, settings).is_enabled


def test_only_tables_whose_catalog_is_known_are_told() -> None:
    rows = [make(TableRow, oid=oid) for oid in (1, 2, 3)]
    parts = (
        current(SettingsRow, make_settings()),
        current(TableRow, *rows, datname="app"),
        current(TableRow, *rows, datname="other"),
    )
    catalog = make_catalog(make_table(oid=1), make_table(oid=2, kind="t"))

    found = list(autovacuum.tables(view(*parts, catalogs=[catalog])))

    assert [(t.datname, t.row.oid) for t in found] == [("app", 1)]
