"""Rewrites of policies as findings: measured, unmeasured, refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.advisor import policy_rewrite
from monitor.model.catalog import Policy
from monitor.model.finding import Finding, Severity
from monitor.model.rls import Probes, Saving
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.view import View
from monitor.rls.inventory import inventory
from monitor.rls.rewriting import rewrites
from tests.unit.factories import NOW, current, make, make_catalog, make_table, run, view

BARE = "(usr = auth.uid())"
EXISTS = "(EXISTS ( SELECT 1 FROM public.m WHERE (m.team = orders.team)))"


def seen(using: str, *savings: Saving) -> View:
    policy = make(
        Policy,
        oid=5,
        name="own",
        relid=1,
        command="*",
        is_permissive=True,
        roles=("app_user",),
        using=using,
        check="",
    )
    uid = make(PolicyFunctionRow, oid=2, schemaname="auth", name="uid", volatility="s")
    return view(
        current(PolicyFunctionRow, uid, datname="app"),
        current(
            PolicyReferenceRow,
            make(PolicyReferenceRow, policy=5, functions=(2,), hash="h"),
            datname="app",
        ),
        current(ViewReferenceRow, datname="app"),
        current(RoleAttributesRow),
        catalogs=[make_catalog(make_table(has_rls=True), policies=[policy])],
        probes=Probes(savings=savings),
    )


def measured(using: str, rule: str, **changes: Any) -> Saving:
    known = inventory(seen(using), "app")
    assert known is not None
    found = rewrites(known, known.catalog.policies[0])
    rewrite = next(each for each in found if each.rule == rule)
    values: dict[str, Any] = {
        "database": "app",
        "relid": 1,
        "schemaname": "public",
        "relname": "orders",
        "policy_name": "own",
        "rule": rule,
        "personas": ("alice",),
        "compared_rows": 1000,
        "now_seconds": 0.05,
        "imitated_seconds": 0.05,
        "rewritten_seconds": 0.01,
        "is_trusted": True,
        "sql": rewrite.sql,
        "policy_set": known.policy_set(1),
        "at": NOW - timedelta(minutes=5),
    }
    return make(Saving, **(values | changes))


def found(using: str, *savings: Saving) -> list[Finding]:
    return run(policy_rewrite, seen(using, *savings))


def test_a_measured_saving_comes_with_its_proof() -> None:
    (finding,) = found(BARE, measured(BARE, "wrap_calls"))

    figures = {each.name: each for each in finding.evidence}
    assert finding.severity is Severity.WARNING
    assert finding.summary.endswith(": a statement would save 40 ms")
    assert figures["rows judged by both forms"].value == 1000
    assert figures["rows judged differently"].value == 0
    assert figures["saved per statement"].window == timedelta(minutes=5)
    assert finding.remedy is not None
    assert "alter policy own" in finding.remedy.sql
    assert "alter policy own" in finding.remedy.undo
    assert finding.remedy.lock == "AccessExclusiveLock"


@pytest.mark.parametrize(
    "changes",
    [
        {"is_trusted": False, "reason": "the imitation took too long"},
        {"rewritten_seconds": 0.0499},
        {"policy_set": "of before"},
        {"sql": "something else"},
        {"differing_rows": 1},
    ],
)
def test_wrapped_calls_are_left_to_the_lint_without_a_saving_of_now(
    changes: dict[str, Any],
) -> None:
    assert found(BARE, measured(BARE, "wrap_calls", **changes)) == []


def test_a_set_is_proposed_without_a_probe_and_says_so() -> None:
    (finding,) = found(EXISTS)

    assert finding.severity is Severity.INFO
    assert finding.value is None
    assert "the benefit is not measured" in finding.unknowns[0]


def test_a_saving_that_is_not_believed_is_withheld_with_its_reason() -> None:
    saving = measured(EXISTS, "use_set", is_trusted=False, reason="another plan")

    (finding,) = found(EXISTS, saving)

    assert finding.value is None
    assert finding.unknowns == ("What it would save: another plan.",)
    assert "saved per statement" not in {each.name for each in finding.evidence}


def test_the_rewrite_that_saves_most_is_the_one_proposed() -> None:
    both = EXISTS.replace("))", ") AND (m.usr = auth.uid()))", 1)
    less = measured(both, "wrap_calls", rewritten_seconds=0.04)
    more = measured(both, "use_set")

    (finding,) = found(both, less, more)

    assert finding.value == pytest.approx(40.0)
    assert found(both, less, replace(more, differing_rows=3))[0].value == (
        pytest.approx(10.0)
    )
