"""Expired assignments are marked in one case and left alone by a named rule else."""

from __future__ import annotations

import pytest

from monitor.maintenance import expire_assignments
from monitor.maintenance.expire_assignments import Options
from monitor.model.action import Action
from monitor.model.finding import Finding, ObjectRef, Severity
from monitor.model.rows.assignments import AssignmentsRow
from monitor.model.view import View
from tests.unit.factories import (
    current,
    make,
    make_catalog,
    make_server,
    make_table,
    view,
)

pytestmark = pytest.mark.requirement("S2.4.2-e")

TABLE = make_table(oid=1, relname="content_assignments")


def finding() -> Finding:
    return Finding(
        severity=Severity.INFO,
        object=ObjectRef("table", "public", "content_assignments"),
        summary="because",
        database="app",
        check="expire_assignments",
    )


def seen(expired: int = 5, **changes: object) -> View:
    row = make(AssignmentsRow, expired=expired)
    return view(
        current(AssignmentsRow, row, datname="app"),
        catalogs=[make_catalog(TABLE)],
        **changes,
    )


@pytest.mark.parametrize(
    ("expired", "hours", "due"), [(1, 3, 1), (1, 2.9, 0), (0, 3, 0)]
)
def test_is_due_once_a_night(expired: int, hours: float, due: int) -> None:
    row = make(AssignmentsRow, expired=expired, longest_seconds=hours * 3600)
    of = view(current(AssignmentsRow, row, datname="app"))

    subjects = list(expire_assignments.subjects(of, (), Options()))

    assert [one.database for one in subjects] == ["app"] * due


def test_plans_one_call_without_a_way_back() -> None:
    planned = expire_assignments.plan(finding(), seen(), Options())

    assert isinstance(planned, Action)
    assert planned.statement.template == "select monitoring.expire_assignments()"
    assert (planned.oid, planned.undo) == (1, None)


@pytest.mark.parametrize(
    ("rule", "of"),
    [
        ("standby", seen(server=make_server(is_standby=True))),
        ("unknown", view(catalogs=[make_catalog(TABLE)])),
        (
            "unknown",
            view(current(AssignmentsRow, make(AssignmentsRow), datname="app")),
        ),
        ("none", seen(0)),
        ("too_many", seen(100_001)),
    ],
)
def test_rules_refuse(rule: str, of: View) -> None:
    outcome = expire_assignments.plan(finding(), of, Options())

    assert not isinstance(outcome, Action)
    assert outcome.rule == rule
