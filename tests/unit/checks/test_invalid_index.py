from __future__ import annotations

from typing import Any

import pytest

from monitor.checks import invalid_index
from monitor.model.finding import Finding, ObjectRef, Severity
from monitor.model.rows.relation_size import SizeRow
from tests.unit.factories import (
    current,
    make,
    make_catalog,
    make_index,
    make_table,
    run,
    view,
)

pytestmark = pytest.mark.requirement("S8.1.2-h")


def found_with(kind: str = "r", **changes: Any) -> list[Finding]:
    index = make_index(**{"is_valid": False} | changes)
    catalog = make_catalog(make_table(kind=kind), indexes=[index])
    return run(invalid_index, view(catalogs=[catalog]))


def remedy_of(**changes: Any) -> str:
    remedy = found_with(**changes)[0].remedy
    assert remedy is not None
    return remedy.sql


def test_reports_an_invalid_index() -> None:
    found = found_with()

    assert [f.severity for f in found] == [Severity.WARNING]
    assert ObjectRef("index", "public", "orders_idx") == found[0].object
    assert found[0].unknowns


def test_says_nothing_about_a_valid_one() -> None:
    assert found_with(is_valid=True) == []


def test_says_what_it_costs() -> None:
    index = make_index(is_valid=False, is_ready=False)
    part = current(SizeRow, make(SizeRow, oid=2, size_bytes=2048), datname="app")

    found = run(invalid_index, view(part, catalogs=[make_catalog(indexes=[index])]))

    assert found[0].summary.endswith("is invalid: 2 kB, nothing maintains it")


def test_drops_a_plain_one_and_keeps_its_definition_as_the_way_back() -> None:
    remedy = found_with()[0].remedy

    assert remedy is not None
    assert remedy.sql == "drop index concurrently public.orders_idx;"
    assert remedy.undo.startswith("CREATE INDEX orders_idx")


def test_has_no_way_back_while_the_definition_is_unknown() -> None:
    remedy = found_with(definition="")[0].remedy

    assert remedy is not None
    assert remedy.undo == ""


def test_drops_what_reindex_left_behind_even_of_a_unique_index() -> None:
    sql = remedy_of(indexrelname="orders_key_ccnew1", is_unique=True)

    assert sql.startswith("drop index concurrently")


def test_rebuilds_an_index_that_holds_a_promise() -> None:
    assert remedy_of(is_unique=True).startswith("reindex index concurrently")
    assert remedy_of(constraint="orders_excl").startswith("reindex index concurrently")


def test_lists_the_parts_of_a_partitioned_index() -> None:
    assert "pg_inherits" in remedy_of(kind="p")
