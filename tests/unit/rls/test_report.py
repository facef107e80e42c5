"""What is put together of everything known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from monitor.model.catalog import Policy
from monitor.model.finding import Finding, ObjectRef, Severity, TrackedFinding
from monitor.model.persona import Persona, RlsOptions
from monitor.model.rls import Probes, UnitCost
from monitor.model.rls_observed import AttributionQuality, Observations, Observed
from monitor.model.rls_report import Application, RlsReport, TableReport
from monitor.model.rows.exposed_relations import ExposedRelationRow
from monitor.model.rows.relation_size import SizeRow
from monitor.model.target import Credentials, Target
from monitor.model.view import View
from monitor.rls.inventory import inventory
from monitor.rls.report import Figures, report
from tests.unit.factories import NOW, make, make_catalog, reading
from tests.unit.rls.test_observed import LOG, NOTES, TEAMS, guarded, seen

OWN = make(
    Policy,
    oid=10,
    relid=1,
    name="own",
    command="r",
    is_permissive=True,
    roles=("authenticated",),
    using="(id = 1)",
    check="",
)
NARROW = replace(OWN, oid=11, name="narrow", is_permissive=False, roles=("public",))
NOTHING = Figures(sums=Observations(), recent=Observations())


def look(*policies: Policy, **changes: Any) -> View:
    catalog = make_catalog(NOTES, LOG, TEAMS, policies=policies)
    return seen(**({"catalogs": [catalog]} | changes))


def table(report: RlsReport, relname: str = "notes") -> TableReport:
    return next(each for each in report.tables if each.relname == relname)


def with_row(view: View, row: Any) -> View:
    part = reading([row], datname="app")
    return replace(view, readings={**view.readings, (type(row), "app"): part})


def cost(policy_set: str, **changes: Any) -> UnitCost:
    facts: dict[str, Any] = {
        "table": guarded(),
        "persona": "alice",
        "policy_set": policy_set,
        "status": "ok",
        "per_row": 1e-6,
        "at": NOW,
    }
    return UnitCost(**(facts | changes))


def probing(**changes: Any) -> Target:
    entry = Credentials(conninfo="")
    options = RlsOptions(
        personas=(Persona(name="alice", role="authenticated"),),
        probe=entry,
        bypass=entry,
        **changes,
    )
    return Target(name="observed", rls=options)


def test_tables_are_told_with_their_state() -> None:
    off = replace(OWN, oid=12, relid=2)

    made = report(look(OWN, off), NOTHING)

    assert {each.relname: each.state for each in made.tables} == {
        "notes": "protected",
        "log": "off",
        "teams": "closed",
    }


def test_an_unprotected_table_is_told_if_the_api_reaches_it() -> None:
    reached = make(
        ExposedRelationRow,
        oid=2,
        schemaname="public",
        relname="log",
        kind="r",
        privileges=("anon=select",),
    )

    made = report(with_row(look(OWN), reached), NOTHING)

    assert table(made, "log").state == "open"


def test_an_unprotected_table_that_nobody_reaches_is_left_out() -> None:
    made = report(look(OWN), NOTHING)

    assert [each.relname for each in made.tables] == ["notes", "teams"]


def test_policies_apply_by_role_and_command() -> None:
    made = report(look(OWN, NARROW), NOTHING)

    found = {(a.role, a.command): a for a in table(made).applications}
    assert found["authenticated", "select"] == Application(
        role="authenticated",
        command="select",
        is_bound=True,
        permissive=("own",),
        restrictive=("narrow",),
    )
    assert found["anon", "select"].permissive == ()
    assert found["authenticated", "delete"].permissive == ()


def test_a_role_that_ran_statements_is_told_of_even_if_it_is_none_of_the_api() -> None:
    sums = Observations(
        found=(
            Observed(table=guarded("admin"), attribution="ast", calls=2, seconds=1.0),
        )
    )

    made = report(look(OWN), replace(NOTHING, sums=sums))

    (bypassing, *_) = (a for a in table(made).applications if a.role == "admin")
    assert not bypassing.is_bound


def test_time_under_policies_is_told_in_all_and_lately() -> None:
    total = Observed(table=guarded(), attribution="server", calls=20, seconds=5.0)
    recent = Observations(
        window_seconds=300, found=(replace(total, calls=4, seconds=1.0),)
    )

    made = report(
        look(OWN), replace(NOTHING, sums=Observations(found=(total,)), recent=recent)
    )

    (load,) = table(made).loads
    assert (load.calls_total, load.seconds_total) == (20, 5.0)
    assert (load.recent_calls, load.recent_seconds) == (4, 1.0)
    assert made.tables[0].relname == "notes"


def test_recent_time_is_unknown_across_a_reset() -> None:
    total = Observed(table=guarded(), attribution="ast", calls=20, seconds=5.0)

    made = report(look(OWN), replace(NOTHING, sums=Observations(found=(total,))))

    assert table(made).loads[0].recent_seconds is None


def test_a_cost_that_was_probed_under_other_policies_is_void() -> None:
    seen_now = look(OWN, target=probing())
    known = inventory(seen_now, "app")
    assert known is not None
    probes = Probes(unit_costs=(cost(known.policy_set(1)), cost("former")))

    made = report(replace(seen_now, probes=probes), NOTHING)

    assert [each.policy_set for each in table(made).unit_costs] == [known.policy_set(1)]


def test_a_probe_that_gave_no_figure_says_why() -> None:
    seen_now = look(OWN, target=probing())
    known = inventory(seen_now, "app")
    assert known is not None
    failed = cost(known.policy_set(1), status="timeout", per_row=None)

    made = report(replace(seen_now, probes=Probes(unit_costs=(failed,))), NOTHING)

    (said,) = table(made).unknowns
    assert said == (
        "The cost per row for persona alice: the last probe ran into its time limit."
    )


def test_without_a_bypassing_role_there_is_no_comparison_and_no_tax_of_zero() -> None:
    total = Observed(table=guarded(), attribution="ast", calls=20, seconds=5.0)

    made = report(look(OWN), replace(NOTHING, sums=Observations(found=(total,))))

    assert table(made).taxes == ()
    assert any("no comparison" in said for said in table(made).unknowns)


def test_hidden_planner_statistics_are_told() -> None:
    analyzed = replace(NOTES, reltuples=100.0)
    size = make(SizeRow, oid=1, size_bytes=8192, estimated_bytes=None)
    catalog = make_catalog(analyzed, policies=[OWN])

    hidden = report(with_row(seen(catalogs=[catalog]), size), NOTHING)
    shown = report(
        with_row(seen(catalogs=[catalog]), replace(size, estimated_bytes=4096)), NOTHING
    )

    assert any("planner statistics" in said for said in table(hidden).unknowns)
    assert not any("planner statistics" in said for said in table(shown).unknowns)


def test_what_nobody_may_probe_is_told_once_for_the_target() -> None:
    made = report(look(OWN), NOTHING)

    assert any("no personas" in said for said in made.unknowns)


def test_time_that_could_not_be_analysed_is_told() -> None:
    quality = AttributionQuality(calls=10, seconds=10.0, unknown_seconds=2.5)

    made = report(look(OWN), replace(NOTHING, sums=Observations(quality=quality)))

    assert "Which policies 25% of the statements' time was under." in made.unknowns


def test_open_lints_are_told_with_their_table() -> None:
    lints = [
        _tracked("call_not_wrapped", ObjectRef("policy", "public", "notes.own")),
        _tracked("rls_without_policy", ObjectRef("table", "public", "teams")),
        _tracked("rls_drift", ObjectRef("table", "public", "notes rls_switched_off")),
        _tracked("cache_hit", ObjectRef("table", "public", "notes")),
        _tracked("other_table", ObjectRef("policy", "public", "notes2.own")),
    ]

    made = report(look(OWN), replace(NOTHING, findings=lints))

    assert {each.check for each in table(made).lints} == {
        "call_not_wrapped",
        "rls_drift",
    }


def _tracked(check: str, ref: ObjectRef) -> TrackedFinding:
    kind = "check" if check in ("rls_drift", "cache_hit") else "lint"
    finding = Finding(
        severity=Severity.WARNING,
        object=ref,
        summary="",
        database="app",
        check=check,
        kind=kind,
    )
    return TrackedFinding(finding=finding, first_seen=NOW, last_seen=NOW)
