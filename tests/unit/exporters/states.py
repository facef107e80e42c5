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
