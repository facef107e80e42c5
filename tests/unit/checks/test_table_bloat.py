from __future__ import annotations

import pytest

from monitor.checks import table_bloat
from monitor.model.finding import Finding, ObjectRef, Severity
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.stat_user_tables import TableRow
from tests.unit.factories import (
    Part,
    current,
    make,
    make_catalog,
    make_server,
    make_table,
    run,
    view,
)

pytestmark = pytest.mark.requirement("S8.1.2-e")

MB = 1024 * 1024


def sizes(size: int, needed: int | None, **changes: object) -> SizeRow:
    values: dict[str, object] = {"oid": 1, "is_exact": True}
    return make(SizeRow, size_bytes=size, estimated_bytes=needed, **(values | changes))


def found_with(*rows: SizeRow, others: tuple[Part, ...] = ()) -> list[Finding]:
    parts = current(SizeRow, *rows, datname="app"), *others
    return run(table_bloat, view(*parts, catalogs=[make_catalog(make_table())]))


@pytest.mark.parametrize(
    ("needed", "severity"), [(80, Severity.WARNING), (60, Severity.CRITICAL)]
)
def test_names_the_bloated_table(needed: int, severity: Severity) -> None:
    found = found_with(sizes(100 * MB, needed * MB))

    assert [severity] == [f.severity for f in found]
    assert ObjectRef("table", "public", "orders") == found[0].object
    assert 100 - needed == pytest.approx(found[0].value)
    assert found[0].confidence == "medium"


@pytest.mark.parametrize("needed", [81, 100, 150])
def test_says_nothing_just_below_the_level(needed: int) -> None:
    assert found_with(sizes(100 * MB, needed * MB)) == []


def test_ignores_small_tables() -> None:
    assert found_with(sizes(10 * MB - 1, 0)) == []


def test_ignores_indexes_and_unknown_relations() -> None:
    assert found_with(sizes(100 * MB, 0, oid=99)) == []


def test_adds_dead_tuples_where_statistics_are_known() -> None:
    rows = make(TableRow, oid=1, n_live_tup=75, n_dead_tup=25)
    others = (current(TableRow, rows, datname="app"),)

    found = found_with(sizes(100 * MB, 50 * MB), others=others)

    evidence = {e.name: e.value for e in found[0].evidence}
    assert evidence["share of dead tuples"] == 0.25


@pytest.mark.parametrize(("dead", "count"), [(20, 1), (19, 0)])
def test_dead_tuples_are_a_lower_bound_where_statistics_are_hidden(
    dead: int, count: int
) -> None:
    rows = make(TableRow, oid=1, n_live_tup=100 - dead, n_dead_tup=dead)
    others = (current(TableRow, rows, datname="app"),)

    found = found_with(sizes(100 * MB, None), others=others)

    warnings = [f for f in found if f.severity is Severity.WARNING]
    assert len(warnings) == count
    assert all("at least 20 %" in f.summary for f in warnings)
    assert all(f.confidence == "low" for f in warnings)
    assert len(found) == 1


def test_leaves_out_the_share_of_an_empty_table() -> None:
    others = (current(TableRow, make(TableRow, oid=1), datname="app"),)

    found = found_with(sizes(100 * MB, 0), others=others)

    assert "share of dead tuples" not in {e.name for e in found[0].evidence}


def test_trusts_relpages_less() -> None:
    found = found_with(sizes(100 * MB, 50 * MB, is_exact=False))

    assert found[0].confidence == "low"
    assert len(found[0].unknowns) == 2


def test_says_that_hidden_statistics_leave_bloat_unknown() -> None:
    table = make_table(has_rls=True)
    part = current(SizeRow, sizes(100 * MB, None), datname="app")

    found = run(table_bloat, view(part, catalogs=[make_catalog(table)]))

    assert [f.severity for f in found] == [Severity.INFO]
    assert found[0].value is None
    assert "row level security hides planner statistics" in found[0].unknowns[0]


def test_does_not_blame_row_security_where_it_is_not_the_cause() -> None:
    tables = [
        make_table(oid=oid, relname=f"t{oid}", has_rls=True) for oid in range(1, 8)
    ]
    rows = [sizes(100 * MB, None, oid=oid) for oid in range(1, 8)]
    part = current(SizeRow, *rows, datname="app")
    server = make_server(bypasses_rls=True)

    found = run(
        table_bloat, view(part, catalogs=[make_catalog(*tables)], server=server)
    )

    assert (
        "and 2 more: planner statistics are missing, or hidden" in found[0].unknowns[0]
    )


def test_says_nothing_before_the_catalog_is_known() -> None:
    part = current(SizeRow, sizes(100 * MB, 0), datname="app")

    assert run(table_bloat, view(part)) == []
