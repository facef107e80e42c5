from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from monitor.checks import rls_drift
from monitor.model.baseline import Drift
from monitor.model.finding import ObjectRef, Severity
from tests.unit.factories import NOW, run, view

DRIFT = Drift(
    database="app",
    kind="rls_switched_off",
    object=ObjectRef("table", "public", "orders"),
    oid=1,
    former=1,
    before="row level security",
    after="no row level security",
    mark="",
    since=NOW,
    accepted=NOW - timedelta(days=3),
    sql="alter table public.orders enable row level security;",
    undo="alter table public.orders disable row level security;",
)


def test_says_what_changed_since_when_and_how_to_take_it_back() -> None:
    (found,) = run(rls_drift, view(drifts={"app": (DRIFT,)}))

    assert found.severity is found.alert_severity is Severity.CRITICAL
    assert found.summary == (
        "row level security of table public.orders was switched off"
    )
    assert {each.name: each.value for each in found.evidence} == {
        "before": "row level security",
        "after": "no row level security",
        "first seen": "2026-03-01T12:00:00+00:00",
        "accepted state of": "2026-02-26T12:00:00+00:00",
    }
    assert found.remedy is not None
    assert found.remedy.undo.endswith("disable row level security;")


def test_a_changed_policy_is_a_warning() -> None:
    changed = replace(
        DRIFT,
        kind="policy_changed",
        object=ObjectRef("policy", "public", "orders.own"),
        mark="hash",
    )

    (found,) = run(rls_drift, view(drifts={"app": (changed,)}))

    assert found.severity is Severity.WARNING


def test_the_next_change_of_a_policy_is_another_finding() -> None:
    first = replace(DRIFT, kind="policy_changed", mark="one")
    second = replace(first, mark="two")

    (one,) = run(rls_drift, view(drifts={"app": (first,)}))
    (two,) = run(rls_drift, view(drifts={"app": (second,)}))

    assert one.id != two.id


def test_a_role_of_the_server_belongs_to_no_database() -> None:
    granted = replace(
        DRIFT,
        database="",
        kind="bypass_granted",
        object=ObjectRef("role", name="Odd role"),
        sql='alter role "Odd role" nobypassrls;',
        undo='alter role "Odd role" bypassrls;',
    )

    (found,) = run(rls_drift, view(drifts={"": (granted,)}))

    assert found.summary == 'role "Odd role" bypasses every policy now'
    assert found.remedy is not None
    assert found.remedy.lock == ""


def test_says_nothing_while_nothing_differs() -> None:
    assert run(rls_drift, view(drifts={"app": ()})) == []


def test_says_what_is_beyond_what_is_kept() -> None:
    (found,) = run(rls_drift, view(drift_left_out={"app": 3}))

    assert found.severity is Severity.INFO
    assert "3 relations of database app are not watched" in found.summary
