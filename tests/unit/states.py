"""A daemon that watches three servers on a bad night, for pages and the API."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.model.action import (
    Action,
    ActionMode,
    ActionState,
    JournalEntry,
    Refusal,
    Statement,
)
from monitor.model.alert import Alert, AlertState
from monitor.model.catalog import Policy
from monitor.model.finding import (
    Evidence,
    Finding,
    Mute,
    ObjectRef,
    Remedy,
    Severity,
    TrackedFinding,
)
from monitor.model.rows.autovacuum_worker import AutovacuumRow
from monitor.model.rows.backends import BackendRow
from monitor.model.rows.locks import LocksRow
from monitor.model.rows.recovery import RecoveryRow
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_activity import ConnectionsRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.server import Capability, Extension, Server
from monitor.model.state import (
    CollectorStatus,
    EffectiveThreshold,
    NotifierStatus,
    OwnCost,
    State,
    TargetState,
)
from monitor.model.target import Credentials, Target
from monitor.model.view import StatementText, View
from monitor.model.window import UsageWindow
from tests.unit.factories import (
    NOW,
    current,
    lately,
    make,
    make_catalog,
    make_index,
    make_server,
    make_settings,
    make_table,
    view,
)
from tests.unit.rls_states import rls_report

CANARY = "s3cr3t-canary"
"""A password that must never be shown."""

HOSTILE = "<script>alert(1)</script>\"'&\u202egpj"
"""A name that would like to be markup and to turn the reading direction."""


@dataclass(frozen=True)
class FixedPage:
    """Metrics that were rendered before; implements `model.state.Exposition`."""

    text: str

    @property
    def series(self) -> int:
        return sum(not line.startswith("#") for line in self.text.splitlines())

    def body(self, *, openmetrics: bool, compressed: bool) -> bytes:
        text = self.text + ("# EOF\n" if openmetrics else "")
        return gzip.compress(text.encode()) if compressed else text.encode()


def ago(**span: float) -> datetime:
    """Return a moment before the states'."""
    return NOW - timedelta(**span)


def tracked(
    finding: Finding, since: datetime, mute: Mute | None = None
) -> TrackedFinding:
    """Return a finding with its life."""
    return TrackedFinding(
        finding=replace(finding, target=finding.target or "orders"),
        first_seen=since,
        last_seen=NOW,
        state="muted" if mute else "open",
        mute=mute,
    )


SLOTS = Finding(
    check="connection_slots",
    title="Connections use up the server's slots",
    severity=Severity.CRITICAL,
    object=ObjectRef("server"),
    summary=(
        "94 client connections of 97 slots that ordinary roles can use "
        "(max_connections 100)"
    ),
    evidence=(
        Evidence("connections", 94, "connections"),
        Evidence("idle", 61, "connections"),
        Evidence("idle in transaction", 8, "connections"),
        Evidence("active", 25, "connections"),
        Evidence('held by role "web", application "checkout"', 58, "connections"),
        Evidence("critical level here", 92.15, "connections"),
    ),
    remedy=Remedy(
        sql=(
            "select datname, usename, application_name, state, count(*)\n"
            "from pg_catalog.pg_stat_activity\n"
            "where backend_type = 'client backend'\n"
            "group by datname, usename, application_name, state\n"
            "order by count(*) desc;"
        ),
        risk="Reads only; shows who holds the connections.",
    ),
    value=94.0,
)
BLOCKED = Finding(
    check="blocked_backends",
    title="Backends wait for a lock",
    severity=Severity.CRITICAL,
    database="shop",
    object=ObjectRef("backend", name="pid 4711"),
    summary="backend 4711 keeps 3 backends waiting, the longest for 4 min 12 s",
    evidence=(
        Evidence("longest wait", 252.0, "seconds"),
        Evidence("waiting backends", 3, "backends"),
        Evidence("transaction open for", 1534.0, "seconds"),
    ),
    unknowns=("What the blocker will do next: its session is idle.",),
    confidence="high",
    remedy=Remedy(
        sql="select pg_catalog.pg_terminate_backend(4711);",
        risk="Rolls back the transaction of backend 4711.",
    ),
    value=252.0,
)
UNUSED = Finding(
    check="unused_index",
    kind="advice",
    title="An index costs writes and serves no scan",
    severity=Severity.WARNING,
    database="shop",
    object=ObjectRef("index", "public", "orders_legacy_idx"),
    summary='index "orders_legacy_idx" (412 MB) was not scanned in 31 days',
    evidence=(
        Evidence("scans", 0, "scans", timedelta(days=31)),
        Evidence("size", 432013312, "bytes"),
        Evidence("share of the table's writes", 0.18, "ratio", timedelta(days=31)),
    ),
    unknowns=("Standby orders-replica has been watched for 12 days only.",),
    confidence="medium",
    remedy=Remedy(
        sql="drop index concurrently public.orders_legacy_idx;",
        undo=(
            "create index concurrently orders_legacy_idx on public.orders "
            "using btree (legacy_ref);"
        ),
        lock="ShareUpdateExclusiveLock on public.orders",
        risk="A yearly report may want it back; the undo takes about 40 s.",
    ),
    value=31.0,
)
UNWRAPPED = Finding(
    check="policy_call_not_wrapped",
    kind="lint",
    title="A policy calls a function once per row",
    severity=Severity.WARNING,
    database="shop",
    object=ObjectRef("policy", "public", "orders.orders_owner"),
    summary="policy orders_owner calls auth.uid() for every row of a statement",
    evidence=(
        Evidence("live tuples", 1_204_331, "tuples"),
        Evidence("statements under the policy", 18_204, "calls", timedelta(minutes=5)),
    ),
    remedy=Remedy(
        sql=(
            "alter policy orders_owner on public.orders\n"
            "    using (owner_id = (select auth.uid()));"
        ),
        undo=(
            "alter policy orders_owner on public.orders\n"
            "    using (owner_id = auth.uid());"
        ),
        lock="AccessExclusiveLock on public.orders, for an instant",
        risk="None known: the value is the same for the whole statement.",
    ),
)
STALE = Finding(
    check="stale_statistics",
    title="Planner statistics are out of date",
    severity=Severity.INFO,
    database="shop",
    object=ObjectRef("table", "public", "events"),
    summary="31 % of the rows of events changed since the last ANALYZE",
    evidence=(Evidence("changed", 0.31, "ratio"), Evidence("last analyze", "never")),
    remedy=Remedy(sql="analyze public.events;", lock="ShareUpdateExclusiveLock"),
)
MUTED = Finding(
    check="long_transaction",
    title="A transaction has been open for long",
    severity=Severity.WARNING,
    database="shop",
    object=ObjectRef("backend", name="role etl, application nightly"),
    summary="a transaction of role etl has been open for 52 min",
    evidence=(Evidence("age", 3120.0, "seconds"),),
)
LAGGING = Finding(
    check="replication_lag",
    title="A standby is behind its primary",
    severity=Severity.WARNING,
    target="orders-replica",
    object=ObjectRef("standby", name="walreceiver"),
    summary="replay is 48 s and 212 MB behind",
    evidence=(
        Evidence("replay lag", 48.0, "seconds"),
        Evidence("not yet replayed", 222298112, "bytes"),
    ),
)

MUTE = Mute(
    finding_id=MUTED.id, reason="nightly load", until=NOW + timedelta(hours=2), by="ann"
)


def findings() -> tuple[TrackedFinding, ...]:
    """Return what is wrong with the primary."""
    return (
        tracked(STALE, ago(minutes=50)),
        tracked(SLOTS, ago(minutes=3)),
        tracked(UNUSED, ago(days=12)),
        tracked(BLOCKED, ago(minutes=4)),
        tracked(UNWRAPPED, ago(days=2)),
        tracked(MUTED, ago(minutes=52), MUTE),
    )


def _connections() -> tuple[ConnectionsRow, ...]:
    def row(state: str, wait: str, count: int) -> ConnectionsRow:
        return make(
            ConnectionsRow,
            datname="shop",
            usename="web",
            application_name="checkout",
            state=state,
            wait_event_type=wait,
            connections=count,
        )

    return (
        row("active", "", 22),
        row("active", "Lock", 3),
        row("idle", "Client", 61),
        row("idle in transaction", "Client", 8),
    )


def _backends() -> tuple[BackendRow, ...]:
    def row(pid: int, waits: float | None, *by: int, **changes: object) -> BackendRow:
        defaults: dict[str, object] = {
            "pid": pid,
            "datname": "shop",
            "usename": "web",
            "application_name": "checkout",
            "backend_type": "client backend",
            "state": "active",
            "wait_event_type": "Lock",
            "wait_event": "transactionid",
            "wait_seconds": waits,
            "xact_seconds": waits,
            "blocked_by": by,
            "query_id": -4611686018427387905,
        }
        return make(BackendRow, **(defaults | changes))

    return (
        row(
            4711,
            None,
            usename="etl",
            application_name="psql",
            state="idle in transaction",
            wait_event_type="Client",
            wait_event="ClientRead",
            xact_seconds=1534.0,
        ),
        row(4720, 252.0, 4711),
        row(4733, 190.5, 4720, wait_event="relation"),
        row(4735, 12.0, 4711, application_name="worker"),
    )


_TABLES = (
    ("orders", 1_204_331, 231_004, 1_912_602_624, 740_000_000, 12, 904_113),
    ("order_lines", 8_811_202, 90_113, 4_402_341_888, 1_800_000_000, 3, 22_004_119),
    ("events", 22_104_880, 6_204_118, 9_114_238_976, 2_400_000_000, 1841, 11_204),
    ("customers", 88_004, 120, 42_106_880, 18_000_000, 204, 90_113_002),
    ("audit_log", 3_004_991, 0, 1_204_224_000, 92_000_000, 2, 0),
)
_STATEMENTS = (
    (
        "update public.orders set status = $1, updated_at = now() where id = $2",
        88_204,
        412.5,
    ),
    (
        (
            "select o.id, o.total, c.name\nfrom public.orders as o\n"
            "join public.customers as c on c.id = o.customer_id\n"
            "where o.owner_id = $1 order by o.created_at desc limit $2"
        ),
        18_204,
        96.1,
    ),
    ("insert into public.events (kind, body) values ($1, $2)", 402_113, 31.9),
    ("select count(*) from public.audit_log where at > $1", 12, 22.4),
    ("commit", 120_004, 4.2),
)


def _table_rows() -> tuple[TableRow, ...]:
    return tuple(
        make(
            TableRow,
            oid=oid,
            n_live_tup=live,
            n_dead_tup=dead,
            seq_scan_total=seq,
            seq_tup_read_total=seq * live,
            idx_scan_total=idx,
            heap_blks_hit_total=990,
            heap_blks_read_total=10 + oid,
            last_autovacuum=ago(minutes=47 * oid),
        )
        for oid, (_, live, dead, _, _, seq, idx) in enumerate(_TABLES, start=1)
    )


def _sizes() -> tuple[SizeRow, ...]:
    tables = tuple(
        make(
            SizeRow,
            oid=oid,
            size_bytes=total - indexes,
            indexes_bytes=indexes,
            total_bytes=total,
            estimated_bytes=int((total - indexes) * 0.8),
            frozen_xid_age=41_204_113,
            is_exact=oid != 3,
        )
        for oid, (_, _, _, total, indexes, _, _) in enumerate(_TABLES, start=1)
    )
    return (*tables, make(SizeRow, oid=101, size_bytes=432_013_312))


def _statement_rows() -> tuple[StatementRow, ...]:
    return tuple(
        make(
            StatementRow,
            userid=10,
            dbid=5,
            queryid=4_611_686_018_427_387_900 + number,
            toplevel=True,
            calls_total=calls,
            exec_time_seconds_total=seconds,
            rows_total=calls * 3,
            shared_blks_hit_total=calls * 12,
            shared_blks_read_total=calls,
            temp_blks_written_total=4096 if number == 3 else 0,
            wal_bytes_total=calls * 210,
        )
        for number, (_, calls, seconds) in enumerate(_STATEMENTS)
    )


def _policy(oid: int, name: str, relid: int, using: str, **changes: object) -> Policy:
    defaults: dict[str, object] = {
        "oid": oid,
        "name": name,
        "relid": relid,
        "command": "*",
        "is_permissive": True,
        "roles": ("authenticated",),
        "using": using,
        "check": "",
    }
    return make(Policy, **(defaults | changes))


def primary_view() -> View:
    """Return what has been read of the primary."""
    tables = [
        make_table(oid=oid, relname=name, has_rls=name in {"orders", "customers"})
        for oid, (name, *_) in enumerate(_TABLES, start=1)
    ]
    indexes = [
        make_index(oid=101, indexrelname="orders_legacy_idx", relid=1),
        make_index(
            oid=102,
            indexrelname="orders_pkey",
            relid=1,
            is_primary=True,
            is_unique=True,
        ),
        make_index(
            oid=103,
            indexrelname="events_body_idx",
            relid=3,
            relname="events",
            is_valid=False,
        ),
    ]
    policies = [
        _policy(201, "orders_owner", 1, "(owner_id = auth.uid())"),
        _policy(
            202,
            "orders_staff",
            1,
            "(exists (select 1 from staff s where s.id = (select auth.uid())))",
            command="r",
            roles=("staff", "support"),
        ),
        _policy(203, "events_all", 3, "true", roles=("public",)),
    ]
    return view(
        current(ConnectionsRow, *_connections()),
        current(SettingsRow, make_settings()),
        current(BackendRow, *_backends()),
        current(
            LocksRow,
            LocksRow(
                datname="shop",
                mode="RowExclusiveLock",
                locktype="relation",
                granted="true",
                locks=141,
            ),
            LocksRow(
                datname="shop",
                mode="ShareLock",
                locktype="transactionid",
                granted="false",
                locks=3,
            ),
        ),
        current(
            AutovacuumRow,
            make(
                AutovacuumRow, pid=900, datname="shop", relid=3, running_seconds=412.0
            ),
        ),
        current(TableRow, *_table_rows(), datname="shop"),
        current(SizeRow, *_sizes(), datname="shop"),
        current(
            IndexRow,
            make(IndexRow, oid=101),
            make(IndexRow, oid=102, idx_scan_total=904_113, last_idx_scan=NOW),
            datname="shop",
        ),
        lately(StatementRow, *_statement_rows()),
        catalogs=[
            make_catalog(*tables, indexes=indexes, policies=policies, datname="shop")
        ],
        windows={
            ("shop", 101): UsageWindow(
                datname="shop", oid=101, since=ago(days=31), until=NOW, scans=0
            )
        },
        texts={
            4_611_686_018_427_387_900 + number: StatementText(
                queryid=4_611_686_018_427_387_900 + number, text=text
            )
            for number, (text, *_) in enumerate(_STATEMENTS)
        },
        roles={10: "web"},
        databases={5: "shop"},
    )


def primary_server() -> Server:
    """Return a primary whose role lacks two things."""
    return make_server(
        databases=("shop", "postgres"),
        database="shop",
        started_at=ago(days=63),
        system_identifier="7300000000000000000",
        timeline=3,
        extensions={
            "pg_stat_statements": Extension("pg_stat_statements", "public", (1, 12))
        },
        capabilities=(
            Capability(name="statements", available=True),
            Capability(
                name="planner_stats",
                available=False,
                reason="Row level security hides the statistics of 2 tables.",
                cure="alter role pgvigil_reader bypassrls; -- or accept it",
            ),
            Capability(
                name="pgstattuple",
                available=False,
                reason="The extension is not installed.",
                cure="create extension pgstattuple;",
            ),
        ),
    )


def _status(name: str, every: float, **changes: object) -> CollectorStatus:
    defaults: dict[str, object] = {
        "name": name,
        "datname": "",
        "interval": timedelta(seconds=every),
        "last_success": ago(seconds=every / 2),
        "duration": timedelta(milliseconds=3.4),
        "rows": 12,
        "runs_total": 4_211,
    }
    return CollectorStatus(**(defaults | changes))  # pyright: ignore[reportArgumentType]


def collectors() -> tuple[CollectorStatus, ...]:
    """Return collectors in every state."""
    return (
        _status("stat_activity", 5),
        _status("backends", 5, duration=timedelta(milliseconds=11.2)),
        _status("stat_statements", 15, rows=4_881, duration=timedelta(milliseconds=18)),
        _status("stat_user_tables", 15, datname="shop", rows=5),
        _status(
            "relation_size",
            15,
            datname="shop",
            last_success=ago(minutes=4),
            error='canceling statement due to lock timeout on "events"',
            errors_total=16,
            timeouts_total=16,
        ),
        _status("stat_archiver", 15, last_success=ago(minutes=2)),
        _status(
            "recovery",
            5,
            last_success=None,
            duration=None,
            rows=0,
            runs_total=0,
            skipped="The server is a primary.",
        ),
    )


def entry(number: int = 7, **changes: object) -> JournalEntry:
    """Return a journal entry that awaits approval."""
    action = Action(
        kind="drop_index",
        target="orders",
        database="shop",
        schema="public",
        name="orders_legacy_idx",
        oid=101,
        statement=Statement(
            "drop index concurrently {}", (("public", "orders_legacy_idx"),)
        ),
        undo=None,
        lock="ShareUpdateExclusiveLock",
        reason="Not scanned in 31 days that include a month end.",
        size_bytes=432_013_312,
        evidence=UNUSED.evidence,
        finding_id=replace(UNUSED, target="orders").id,
    )
    defaults: dict[str, object] = {
        "id": number,
        "action": action,
        "mode": ActionMode.APPROVE,
        "state": ActionState.AWAITING_APPROVAL,
        "created_at": ago(hours=5),
        "updated_at": ago(hours=5),
        "actor": "pgvigil",
        "sql": 'drop index concurrently "public"."orders_legacy_idx"',
        "undo_sql": "create index concurrently orders_legacy_idx on public.orders "
        "using btree (legacy_ref)",
    }
    return JournalEntry(**(defaults | changes))  # pyright: ignore[reportArgumentType]


REFUSAL = Refusal(
    kind="vacuum",
    target="orders",
    database="shop",
    schema="public",
    name="events",
    rule="autovacuum_at_work",
    reason="An autovacuum worker has been at it for 6 min 52 s.",
)


def alert(finding: Finding = SLOTS, **changes: object) -> Alert:
    """Return a firing alert."""
    defaults: dict[str, object] = {
        "fingerprint": finding.id,
        "name": "PgvigilConnectionSlots",
        "severity": finding.severity,
        "state": AlertState.FIRING,
        "labels": {"alertname": "PgvigilConnectionSlots", "server": "orders"},
        "annotations": {"summary": finding.title, "description": finding.summary},
        "active_since": ago(minutes=3),
        "fired_at": ago(minutes=3),
    }
    return Alert(**(defaults | changes))  # pyright: ignore[reportArgumentType]


THRESHOLDS = (
    EffectiveThreshold(
        check="connection_slots",
        level=Severity.WARNING,
        value=150.0,
        unit="connections",
        origin="default",
    ),
    EffectiveThreshold(
        check="connection_slots",
        level=Severity.CRITICAL,
        value=190.0,
        unit="connections",
        origin="settings",
    ),
    EffectiveThreshold(
        check="replication_lag",
        level=Severity.WARNING,
        value=30.0,
        unit="seconds",
        origin="performance_thresholds",
    ),
)

METRICS = (
    "# HELP pg_up Whether the last attempt reached the server.\n"
    "# TYPE pg_up gauge\n"
    'pg_up{server="orders"} 1\n'
)


def primary(**changes: object) -> TargetState:
    """Return the primary, with something in every corner."""
    server = primary_server()
    target = Target(
        name="orders",
        labels={"team": "payments", "env": "prod"},
        credentials=Credentials(conninfo=f"host=db password={CANARY}"),
    )
    view = replace(primary_view(), target=target, server=server)
    defaults: dict[str, object] = {
        "target": target,
        "up": True,
        "up_since": ago(days=20),
        "last_cycle": ago(seconds=2),
        "cycle_duration": timedelta(milliseconds=41),
        "server": server,
        "view": view,
        "rls": rls_report(view),
        "collectors": collectors(),
        "findings": findings(),
        "alerts": (alert(), alert(UNUSED, state=AlertState.PENDING, fired_at=None)),
        "actions": (
            entry(),
            entry(
                6,
                state=ActionState.DONE,
                mode=ActionMode.AUTO,
                updated_at=ago(hours=9),
                detail="Verified: the index is gone.",
                verified={"index": "absent"},
            ),
        ),
        "refusals": (REFUSAL,),
        "thresholds": THRESHOLDS,
        "connections_used": 2,
        "connects_total": 5,
        "own_cost": OwnCost(exec_seconds_total=312.8, calls_total=90_113, stretch=1.0),
        "exposition": FixedPage(METRICS),
    }
    return TargetState(**(defaults | changes))  # pyright: ignore[reportArgumentType]


def standby(lag_bytes: int | None = 222_298_112, **changes: object) -> TargetState:
    """Return a standby that is behind."""
    server = make_server(is_standby=True, version_num=150013, version="15.13")
    target = Target(name="orders-replica", labels={"team": "payments"})
    receiving = make(
        RecoveryRow,
        receiver_status="streaming",
        replay_lag_bytes=lag_bytes,
        replay_age_seconds=48.0,
    )
    defaults: dict[str, object] = {
        "target": target,
        "up": True,
        "last_cycle": ago(seconds=4),
        "cycle_duration": timedelta(milliseconds=28),
        "server": server,
        "view": view(
            current(RecoveryRow, receiving),
            current(SettingsRow, make_settings(max_connections=200)),
            current(ConnectionsRow, *_connections()[:1]),
            target=target,
            server=server,
        ),
        "findings": (tracked(LAGGING, ago(minutes=9)),),
        "exposition": FixedPage(METRICS.replace("orders", "orders-replica")),
    }
    return TargetState(**(defaults | changes))  # pyright: ignore[reportArgumentType]


def unreachable() -> TargetState:
    """Return a target that cannot be reached."""
    return TargetState(
        target=Target(name="legacy"),
        up=False,
        error=(
            'could not connect to "legacy": connection refused '
            f"(postgresql://u:{CANARY}@legacy/x)"
        ),
        last_cycle=None,
        exposition=FixedPage('pg_up{server="legacy"} 0\n'),
    )


def state(*targets: TargetState, **changes: object) -> State:
    """Return the daemon's state; three targets when none is given."""
    defaults: dict[str, object] = {
        "generation": 4,
        "version": "0.1.0",
        "instance": "watch-1",
        "started_at": ago(days=20),
        "at": NOW,
        "heartbeat": ago(seconds=1),
        "has_finished_first_cycle": True,
        "targets": targets or (primary(), standby(), unreachable()),
        "notifiers": (
            NotifierStatus(
                name="alertmanager", receiver="http://am:9093", sent_total=41
            ),
        ),
        "config_loaded_at": ago(days=20),
        "exposition": FixedPage(METRICS),
    }
    return State(**(defaults | changes))  # pyright: ignore[reportArgumentType]
