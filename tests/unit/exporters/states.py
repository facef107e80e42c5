"""A daemon's state with something in every corner, to render."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.model.action import (
    Action,
    ActionMode,
    ActionState,
    JournalEntry,
    Statement,
)
from monitor.model.finding import Finding, ObjectRef, Severity, TrackedFinding
from monitor.model.rls import (
    BOUNDS,
    Estimate,
    Guarded,
    Overheads,
    Probes,
    ProbeStatus,
    Saving,
    UnitCost,
)
from monitor.model.rls_observed import HelperTime, Tax
from monitor.model.rls_report import Load, RlsReport, TableReport
from monitor.model.server import Capability, Server
from monitor.model.state import (
    CollectorStatus,
    EffectiveThreshold,
    NotifierStatus,
    OwnCost,
    State,
    TargetState,
)
from monitor.model.target import Target

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def finding(name: str, severity: Severity = Severity.WARNING) -> Finding:
    """Return a finding about one table."""
    return Finding(
        check="dead_tuples",
        severity=severity,
        database="app",
        object=ObjectRef("table", "public", name),
        summary="Too many dead tuples.",
    )


def tracked(name: str, severity: Severity = Severity.WARNING) -> TrackedFinding:
    """Return an open finding about one table."""
    return TrackedFinding(
        finding=finding(name, severity), first_seen=NOW, last_seen=NOW
    )


def server() -> Server:
    """Return a primary with one capability missing."""
    return Server(
        version_num=180006,
        version="18.6",
        role="pgvigil_reader",
        database="app",
        is_superuser=False,
        bypasses_rls=False,
        is_standby=False,
        system_identifier="7300000000000000000",
        timeline=1,
        started_at=NOW - timedelta(days=3),
        capabilities=(
            Capability(name="statements", available=True),
            Capability(name="pgstattuple", available=False, reason="Not installed."),
        ),
    )


def collectors() -> tuple[CollectorStatus, ...]:
    """Return one collector that runs and one that does not."""
    return (
        CollectorStatus(
            name="stat_database",
            datname="",
            interval=timedelta(seconds=15),
            last_success=NOW,
            duration=timedelta(milliseconds=12),
            runs_total=7,
            errors_total=1,
        ),
        CollectorStatus(
            name="recovery",
            datname="",
            interval=timedelta(seconds=5),
            skipped="The server is a primary.",
        ),
    )


def entry() -> JournalEntry:
    """Return a journal entry that awaits approval."""
    action = Action(
        kind="vacuum",
        target="main",
        database="app",
        schema="public",
        name="orders",
        oid=1,
        statement=Statement("vacuum {}", (("public", "orders"),)),
        undo=None,
        lock="ShareUpdateExclusiveLock",
        reason="Dead tuples.",
    )
    return JournalEntry(
        id=1,
        action=action,
        mode=ActionMode.APPROVE,
        state=ActionState.AWAITING_APPROVAL,
        created_at=NOW,
        updated_at=NOW,
        actor="pgvigil",
        sql='vacuum "public"."orders"',
    )


GUARDED = Guarded(
    database="app", relid=1, schemaname="public", relname="items", role="web"
)


def unit_cost(persona: str, status: ProbeStatus = "ok") -> UnitCost:
    """Return a probed cost of 4 microseconds a row."""
    return UnitCost(
        table=GUARDED,
        persona=persona,
        policy_set="f00",
        status=status,
        per_row=4e-6,
        low=3e-6,
        high=5e-6,
        at=NOW,
    )


def saving(*, is_trusted: bool = True) -> Saving:
    """Return a rewrite that saves 0.3 seconds a call."""
    return Saving(
        database="app",
        relid=1,
        schemaname="public",
        relname="items",
        policy_name="own",
        rule="call_not_wrapped",
        personas=("alice",),
        compared_rows=1000,
        differing_rows=0,
        now_seconds=0.4,
        rewritten_seconds=0.1,
        is_trusted=is_trusted,
        sql="alter policy own on public.items using (true);",
        undo="alter policy own on public.items using (false);",
        policy_set="f00",
        at=NOW,
    )


def guarded_table(relname: str = "items", *, seconds: float = 12.5) -> TableReport:
    """Return a protected table with a figure of every kind."""
    return TableReport(
        database="app",
        relid=1,
        schemaname="public",
        relname=relname,
        owner="app_owner",
        state="protected",
        has_rls=True,
        forces_rls=False,
        loads=(
            Load(
                role="web", attribution="server", calls_total=50, seconds_total=seconds
            ),
        ),
        taxes=(
            Tax(
                database="app",
                queryid=77,
                relids=(1,),
                role="web",
                calls=50,
                mean_seconds=0.5,
                rows_per_call=10.0,
                bypassing_role="admin",
                bypassing_calls=5,
                bypassing_mean_seconds=0.25,
                bypassing_rows_per_call=10.0,
                is_comparable=True,
            ),
        ),
        unit_costs=(unit_cost("alice"), unit_cost("bob", "unstable")),
        overheads=(
            Overheads(
                table=GUARDED,
                counts=(0,) * 5 + (2, 1) + (0,) * (len(BOUNDS) - 7) + (1,),
                total_seconds=3.1,
            ),
        ),
        estimate=Estimate(
            database="app",
            relid=1,
            schemaname="public",
            relname="items",
            seconds_total=9.5,
            rows_examined_total=4_000_000,
            share=0.8,
            quality=0.6,
        ),
        savings=(saving(),),
    )


def rls_report() -> RlsReport:
    """Return a report of one protected and one unprotected table."""
    return RlsReport(
        at=NOW,
        tables=(
            guarded_table(),
            TableReport(
                database="app",
                relid=2,
                schemaname="public",
                relname="forgotten",
                owner="app_owner",
                state="off",
                has_rls=False,
                forces_rls=False,
            ),
        ),
        helpers=(
            HelperTime(
                database="app",
                oid=9,
                function="auth.is_admin()",
                owner="app_owner",
                source="functions",
                calls=7,
                seconds=2.5,
            ),
        ),
        probes=Probes(
            rounds_total=12, failures_total=2, seconds_total=1.5, paused="The load."
        ),
    )


def target_state() -> TargetState:
    """Return a target that is up."""
    return TargetState(
        target=Target(name="main", labels={"team": "dba", "check": "mine"}),
        up=True,
        last_cycle=NOW - timedelta(seconds=2),
        cycle_duration=timedelta(milliseconds=40),
        server=server(),
        collectors=collectors(),
        findings=(tracked("orders"),),
        actions=(entry(),),
        thresholds=(
            EffectiveThreshold(
                check="dead_tuples",
                level=Severity.WARNING,
                value=20.0,
                unit="percent",
                origin="default",
            ),
        ),
        connections_used=2,
        connects_total=5,
        connect_errors={"TargetUnreachable": 3},
        own_cost=OwnCost(exec_seconds_total=1.5, calls_total=40, stretch=2.0),
        dropped_series={"locks": 4},
        rls=rls_report(),
    )


def state(*targets: TargetState) -> State:
    """Return the daemon's state, watching these targets."""
    return State(
        generation=1,
        version="0.1.0",
        instance="test",
        started_at=NOW,
        at=NOW,
        heartbeat=NOW,
        has_finished_first_cycle=True,
        targets=targets,
        notifiers=(
            NotifierStatus(
                name="alertmanager", receiver="http://am:9093", queued=1, sent_total=9
            ),
        ),
        config_loaded_at=NOW,
    )
