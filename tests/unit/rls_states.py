"""Row level security of the primary of `tests.unit.states`, with all its figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.model.finding import Finding, ObjectRef, Severity, TrackedFinding
from monitor.model.rls import (
    BOUNDS,
    Estimate,
    Guarded,
    Overheads,
    Probes,
    Saving,
    UnitCost,
)
from monitor.model.rls_observed import (
    AttributionQuality,
    HelperTime,
    Observations,
    Observed,
    Tax,
)
from monitor.model.rls_report import RlsReport
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.view import View
from monitor.rls.inventory import inventory
from monitor.rls.report import Figures, report
from tests.unit.factories import make, reading

ORDERS = Guarded(
    database="shop",
    relid=1,
    schemaname="public",
    relname="orders",
    role="authenticated",
)


def rls_report(view: View) -> RlsReport:
    """Return what is known of the policies on `orders` and its neighbours."""
    known = _with_roles(view)
    stock = inventory(known, "shop")
    policy_set = stock.policy_set(1) if stock else ""
    probed = replace(known, probes=_probes(policy_set, view.now))
    total = Observed(
        table=ORDERS, attribution="server", calls=91_204, seconds=1877.4, loose_calls=0
    )
    quality = AttributionQuality(
        statements=40, calls=120_000, seconds=2400.0, unknown_seconds=60.0
    )
    recent = Observations(
        window_seconds=300, found=(replace(total, calls=640, seconds=12.9),)
    )
    figures = Figures(
        sums=Observations(found=(total,), quality=quality, helpers=(_HELPER,)),
        recent=recent,
        taxes=(_TAX,),
        findings=(_lint(view.now),),
    )
    return report(probed, figures)


def _with_roles(view: View) -> View:
    roles = [
        make(RoleAttributesRow, oid=oid, rolname=name, bypasses_rls=name == "service")
        for oid, name in enumerate(("anon", "authenticated", "service"), start=500)
    ]
    parts = {
        (RoleAttributesRow, ""): reading(roles),
        (PolicyReferenceRow, "shop"): reading((), datname="shop"),
        (PolicyFunctionRow, "shop"): reading((), datname="shop"),
        (ViewReferenceRow, "shop"): reading((), datname="shop"),
    }
    return replace(view, readings={**view.readings, **parts})


def _probes(policy_set: str, now: datetime) -> Probes:
    at = now - timedelta(minutes=4)
    cost = UnitCost(
        table=ORDERS,
        persona="alice",
        policy_set=policy_set,
        status="ok",
        per_row=4.1e-6,
        low=3.8e-6,
        high=4.6e-6,
        fixed=1e-5,
        rows=15_000,
        pairs=7,
        at=at,
    )
    overheads = Overheads(
        table=ORDERS,
        counts=(0, 0, 2, 5, 3, 1) + (0,) * (len(BOUNDS) - 5),
        total_seconds=0.02,
        recent=(0.0004, 0.0008, 0.0009, 0.0021, 0.0034),
    )
    saving = Saving(
        database="shop",
        relid=1,
        schemaname="public",
        relname="orders",
        policy_name="orders_owner",
        rule="call_not_wrapped",
        personas=("alice", "bob"),
        compared_rows=395_000,
        differing_rows=0,
        now_seconds=0.0839,
        imitated_seconds=0.081,
        rewritten_seconds=0.0041,
        is_trusted=True,
        sql="alter policy orders_owner on public.orders"
        " using (owner_id = (select auth.uid()));",
        undo="alter policy orders_owner on public.orders"
        " using (owner_id = auth.uid());",
        policy_set=policy_set,
        at=at,
    )
    failed = replace(cost, persona="bob", status="timeout", per_row=None)
    return Probes(
        unit_costs=(cost, failed),
        overheads=(overheads,),
        savings=(saving,),
        estimates=(
            Estimate(
                database="shop",
                relid=1,
                schemaname="public",
                relname="orders",
                rows_examined_total=91_000_000,
                share=0.83,
                row_cost=4.1e-6,
                seconds_total=309.7,
                quality=0.72,
            ),
        ),
        rounds_total=31,
        seconds_total=4.2,
    )


_TAX = Tax(
    database="shop",
    queryid=-4_611_686_018_427_387_904,
    relids=(1,),
    role="authenticated",
    calls=640,
    mean_seconds=0.0201,
    rows_per_call=10.0,
    bypassing_role="service",
    bypassing_calls=22,
    bypassing_mean_seconds=0.0012,
    bypassing_rows_per_call=10.0,
    is_comparable=True,
)
_HELPER = HelperTime(
    database="shop",
    oid=900,
    function="auth.uid()",
    owner="supabase_admin",
    source="functions",
    calls=2_040_000,
    seconds=18.9,
)


def _lint(now: datetime) -> TrackedFinding:
    finding = Finding(
        check="call_not_wrapped",
        kind="lint",
        severity=Severity.WARNING,
        database="shop",
        object=ObjectRef("policy", "public", "orders.orders_owner"),
        summary="policy orders_owner calls auth.uid() for each row",
    )
    return TrackedFinding(finding=finding, first_seen=now, last_seen=now)
