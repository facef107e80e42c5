"""What a lint's finding weighs: the statements on its table, else its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.model.catalog import Policy
from monitor.model.finding import Finding, ObjectRef, Severity, urgency
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.view import StatementText, View
from monitor.rls.weight import weigher
from tests.unit.factories import (
    current,
    lately,
    make,
    make_catalog,
    make_index,
    make_table,
    view,
)


def finding(type_: str = "table", name: str = "orders", **changes: Any) -> Finding:
    found = Finding(
        severity=Severity.WARNING,
        object=ObjectRef(type_, "public", name),
        summary="a fault",
        database="app",
        kind="lint",
    )
    return replace(found, **changes)


def seen(text: str) -> View:
    catalog = make_catalog(
        make_table(has_rls=True),
        make_table(oid=3, relname="large", reltuples=9e6),
        make_table(oid=4, relname="small", reltuples=90.0),
        indexes=[make_index(indexrelname="orders_idx")],
        policies=[make(Policy, name="own. rows", relid=1, roles=("public",))],
    )
    statement = make(
        StatementRow,
        userid=9,
        dbid=5,
        queryid=1,
        toplevel=True,
        calls_total=3,
        exec_time_seconds_total=0.5,
    )
    return view(
        lately(StatementRow, statement),
        current(PolicyReferenceRow, datname="app"),
        current(PolicyFunctionRow, datname="app"),
        current(ViewReferenceRow, datname="app"),
        current(RoleAttributesRow),
        catalogs=[catalog],
        texts={1: StatementText(queryid=1, text=text)},
        roles={9: "authenticated"},
        databases={5: "app"},
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [("table", "orders"), ("policy", "orders.own. rows"), ("index", "orders_idx")],
)
def test_what_belongs_to_a_table_weighs_the_seconds_of_its_statements(
    kind: str, name: str
) -> None:
    weigh = weigher(seen("select from orders"))

    assert weigh(finding(kind, name)) == 0.5


def test_where_nothing_was_observed_more_rows_weigh_more_but_less_than_any_time() -> (
    None
):
    weigh = weigher(seen("select from orders"))

    large, small = weigh(finding(name="large")), weigh(finding(name="small"))

    assert small < large < 0 < weigh(finding())


@pytest.mark.parametrize(
    ("name", "database"), [("may_see(integer)", "app"), ("orders", "other")]
)
def test_what_is_no_tables_weighs_nothing(name: str, database: str) -> None:
    weigh = weigher(seen("select from orders"))

    assert weigh(finding("function", name, database=database)) == 0.0


def test_severity_decides_before_weight_and_checks_come_before_lints() -> None:
    order = [
        finding(severity=Severity.CRITICAL, weight=-1.0),
        finding(kind="check", check="z"),
        finding(weight=2.0, check="b"),
        finding(weight=1.0, check="a"),
        finding(severity=Severity.INFO, weight=9.0),
    ]

    shuffled = [order[number] for number in (4, 2, 0, 3, 1)]

    assert sorted(shuffled, key=urgency) == order
