from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.errors import InsufficientPrivilege, TargetError
from monitor.model.alert import Alert, AlertState
from monitor.model.finding import (
    Evidence,
    Finding,
    ObjectRef,
    Remedy,
    Severity,
    TrackedFinding,
)
from monitor.model.report import RlsObservation, Sample
from monitor.model.target import Credentials
from monitor.postgres.session import Purpose, Session
from monitor.postgres.store import Report, Store
from tests.integration.postgres.schema import Admin, installed, rows, scalar

NOW = datetime.now(UTC).replace(microsecond=0)
REPORT = Report(target="orders", at=NOW, valid_for=timedelta(minutes=5))


def tracked(name: str = "a", **changes: object) -> TrackedFinding:
    finding = Finding(
        severity=Severity.WARNING,
        object=ObjectRef("table", "public", name),
        summary=f"table {name} is bloated",
        database="app",
        evidence=(Evidence("ratio", 0.4, "ratio", timedelta(minutes=5)),),
        unknowns=("Nothing else.",),
        remedy=Remedy(sql="vacuum a", undo="", lock="light", risk="none"),
        value=40.0,
        check="table_bloat",
        title="Bloat",
        target="orders",
    )
    life = TrackedFinding(finding=finding, first_seen=NOW, last_seen=NOW)
    return replace(life, **changes)  # pyright: ignore[reportArgumentType] - per test


def later(minutes: float) -> Report:
    return replace(REPORT, at=NOW + timedelta(minutes=minutes))


@pytest.fixture
async def session(
    conninfo: str, reader: Credentials, admin: Admin
) -> AsyncIterator[Session]:
    del admin
    await installed(conninfo)
    session = await Session.open(reader, purpose=Purpose.SIDE, instance="test")
    yield session
    await session.close()


@pytest.mark.pg
async def test_the_reader_keeps_samples_through_its_read_only_session(
    session: Session, admin: Admin
) -> None:
    sample = Sample(
        metric_name="avg_query_time_ms",
        value=150.0,
        unit="ms",
        database="app",
        object=ObjectRef("database", name="app"),
        severity=Severity.WARNING,
        threshold=100.0,
        recommendation="look",
    )

    await Store(session).save_samples(REPORT, [sample])

    found = await rows(
        admin,
        "select at, target, datname, metric_name, value, severity, threshold"
        " from monitoring.samples",
    )
    assert found == [
        (NOW, "orders", "app", "avg_query_time_ms", 150.0, "warning", 100.0)
    ]
    assert await rows(admin, "select * from monitoring.reports") == [
        ("orders", "samples", NOW, NOW + timedelta(minutes=5))
    ]
    read_only = await session.connection.execute("show transaction_read_only")
    assert await read_only.fetchone() == ("on",)


@pytest.mark.pg
async def test_findings_keep_their_lives(session: Session, admin: Admin) -> None:
    store = Store(session)
    await store.save_findings(REPORT, [tracked("a"), tracked("b")])

    await store.save_findings(later(1), [tracked("a"), tracked("c")])

    found = await rows(
        admin,
        "select objname, state, resolved_at from monitoring.findings order by 1",
    )
    assert found == [
        ("a", "open", None),
        ("b", "resolved", NOW + timedelta(minutes=1)),
        ("c", "open", None),
    ]


async def test_a_finding_that_comes_back_is_open_again(
    session: Session, admin: Admin
) -> None:
    store = Store(session)
    await store.save_findings(REPORT, [tracked()])
    await store.save_findings(later(1), [])

    await store.save_findings(later(2), [tracked(last_seen=NOW + timedelta(minutes=2))])

    assert await rows(admin, "select state, resolved_at from monitoring.findings") == [
        ("open", None)
    ]


async def test_findings_of_another_target_are_left_alone(
    session: Session, admin: Admin
) -> None:
    store = Store(session)
    await store.save_findings(REPORT, [tracked()])

    await store.save_findings(replace(REPORT, target="other"), [])

    assert await scalar(admin, "select state from monitoring.findings") == "open"


async def test_an_unchanged_finding_is_not_written_again(
    session: Session, admin: Admin
) -> None:
    store = Store(session)
    await store.save_findings(REPORT, [tracked()])
    version = await scalar(admin, "select xmin::text from monitoring.findings")

    await store.save_findings(later(1), [tracked(last_seen=NOW + timedelta(minutes=1))])

    assert version == await scalar(admin, "select xmin::text from monitoring.findings")


async def test_a_changed_severity_is_written_at_once(
    session: Session, admin: Admin
) -> None:
    store = Store(session)
    await store.save_findings(REPORT, [tracked()])
    worse = replace(tracked().finding, severity=Severity.CRITICAL)

    await store.save_findings(later(1), [tracked(finding=worse)])

    assert await scalar(admin, "select severity from monitoring.findings") == "critical"


@pytest.mark.pg
@pytest.mark.promise(13)
async def test_hostile_text_and_numbers_are_kept_without_harm(
    session: Session, admin: Admin
) -> None:
    finding = replace(
        tracked().finding,
        object=ObjectRef("table", "pub\x00lic", "t'; drop table x; --"),
        summary='a\x1b[31m\ud800 "quoted" \\ é',
        value=float("nan"),
        evidence=(Evidence("ratio", float("inf"), "ratio"),),
    )

    await Store(session).save_findings(REPORT, [tracked(finding=finding)])

    assert await rows(
        admin,
        "select schemaname, objname, summary, value, evidence -> 0 ->> 'value'"
        " from monitoring.findings",
    ) == [
        (
            "pub\\x00lic",
            "t'; drop table x; --",
            'a\\x1b[31m\\ud800 "quoted" \\ é',
            None,
            None,
        )
    ]


@pytest.mark.pg
async def test_proposed_indexes_become_advice_and_other_findings_do_not(
    session: Session, admin: Admin
) -> None:
    finding = replace(
        tracked().finding,
        kind="advice",
        check="missing_index",
        evidence=(
            Evidence("sequential scans a day", 1200),
            Evidence("rows read by them a day", 3_000_000, "rows"),
            Evidence("potential improvement", "not costed"),
            Evidence("table", 'public."Orders"'),
            Evidence("column", "a"),
            Evidence("column", "b"),
        ),
        remedy=Remedy(sql="CREATE INDEX CONCURRENTLY i ON t (a, b)", undo="DROP"),
    )

    await Store(session).save_advice(
        REPORT, [tracked("bloated"), tracked(finding=finding)]
    )

    assert await rows(
        admin,
        "select table_name, column_names, statement, undo, potential_improvement,"
        " seq_scan, seq_tup_read from monitoring.advice",
    ) == [
        (
            'public."Orders"',
            ["a", "b"],
            "CREATE INDEX CONCURRENTLY i ON t (a, b)",
            "DROP",
            "not costed",
            1200,
            3_000_000,
        )
    ]


@pytest.mark.pg
@pytest.mark.requirement("S8.1.2-a")
async def test_only_rows_that_an_operator_touched_count_as_edited(
    session: Session, admin: Admin
) -> None:
    store = Store(session)
    shipped = await store.thresholds()

    await admin.execute(
        "update monitoring.performance_thresholds set warning_threshold = 120"
        " where metric_name = 'avg_query_time_ms'"
    )
    await admin.execute(
        "update monitoring.performance_thresholds set enabled = enabled"
    )
    await admin.execute(
        "insert into monitoring.performance_thresholds"
        " (metric_name, warning_threshold, updated_by)"
        " values ('long_transaction', 60, '')"
    )

    edited = {t.metric_name: t for t in await store.thresholds()}
    assert [(t.metric_name, t.updated_by) for t in shipped] == [
        ("avg_query_time_ms", ""),
        ("cache_hit_ratio", ""),
        ("connection_count", ""),
        ("table_bloat_ratio", ""),
    ]
    assert {name: t.updated_by for name, t in edited.items()} == {
        "avg_query_time_ms": "postgres",
        "cache_hit_ratio": "",
        "connection_count": "",
        "long_transaction": "postgres",
        "table_bloat_ratio": "",
    }
    assert edited["avg_query_time_ms"].warning_threshold == 120.0
    assert edited["avg_query_time_ms"].critical_threshold == 500.0
    assert edited["cache_hit_ratio"].direction == "below"
    assert edited["long_transaction"].for_duration is None


@pytest.mark.requirement("S8.1.2-a")
@pytest.mark.parametrize(
    "change",
    [
        "warning_threshold = 600",
        "direction = 'below'",
        "direction = 'sideways'",
        "critical_threshold = 'NaN'",
        "check_interval = '0'",
        "for_duration = '-1 s'",
        "labels = '[]'",
    ],
)
async def test_thresholds_that_make_no_sense_are_refused(
    session: Session, admin: Admin, change: str
) -> None:
    before = await Store(session).thresholds()

    with pytest.raises(Exception, match="check constraint"):
        await admin.execute(
            f"update monitoring.performance_thresholds set {change}"
            " where metric_name = 'avg_query_time_ms'".encode()
        )

    assert await Store(session).thresholds() == before


@pytest.mark.pg
async def test_old_reports_are_deleted_in_batches_and_open_findings_are_not(
    session: Session, admin: Admin
) -> None:
    store = Store(session)
    old = replace(REPORT, at=NOW - timedelta(days=40))
    aged = [tracked("open", first_seen=old.at, last_seen=old.at)]
    await store.save_samples(
        old, [Sample(metric_name="m", value=float(n)) for n in range(5)]
    )
    await store.save_samples(REPORT, [Sample(metric_name="m", value=1.0)])
    await store.save_findings(old, [*aged, tracked("gone")])
    await store.save_findings(old, aged)

    first = await store.prune(timedelta(days=30), batch=3)
    second = await store.prune(timedelta(days=30), batch=3)
    third = await store.prune(timedelta(days=30), batch=3)

    assert (first, second, third) == (4, 2, 0)
    assert await scalar(admin, "select count(*) from monitoring.samples") == 1
    assert await scalar(admin, "select objname from monitoring.findings") == "open"


def fired(name: str = "a", **changes: object) -> Alert:
    alert = Alert(
        fingerprint=name,
        name="PgvigilTableBloat",
        severity=Severity.WARNING,
        state=AlertState.FIRING,
        labels={"server": "orders", "datname": "app", "object": name, "team": "x"},
        annotations={"summary": "Bloat", "description": "table a is bloated"},
        active_since=NOW - timedelta(minutes=5),
        fired_at=NOW,
    )
    return replace(alert, **changes)  # pyright: ignore[reportArgumentType] - per test


HISTORY = (
    "select fingerprint, fired_at, resolved_at from monitoring.alerts "
    "order by fired_at, fingerprint"
)


@pytest.mark.pg
@pytest.mark.requirement("S8.1.2-g")
async def test_each_time_an_alert_fired_is_a_row_of_the_history(
    session: Session, admin: Admin
) -> None:
    store, again = Store(session), NOW + timedelta(minutes=3)
    over = fired(state=AlertState.RESOLVED, resolved_at=NOW + timedelta(minutes=1))

    await store.save_alerts(REPORT, [fired()])
    await store.save_alerts(later(1), [over])
    await store.save_alerts(later(3), [fired(fired_at=again)])
    await store.save_alerts(later(4), [fired(fired_at=again)])

    assert await rows(admin, HISTORY) == [
        ("a", NOW, NOW + timedelta(minutes=1)),
        ("a", again, None),
    ]


@pytest.mark.pg
@pytest.mark.requirement("S8.1.2-g")
async def test_what_a_restarted_daemon_no_longer_knows_is_over_in_the_history(
    session: Session, admin: Admin
) -> None:
    store = Store(session)
    pending = fired("b", state=AlertState.PENDING, fired_at=None)
    other = replace(REPORT, target="other")

    await store.save_alerts(REPORT, [fired()])
    await store.save_alerts(other, [fired("c")])
    await store.save_alerts(later(2), [pending])

    assert await rows(admin, HISTORY) == [
        ("a", NOW, NOW + timedelta(minutes=2)),
        ("c", NOW, None),
    ]


@pytest.mark.pg
@pytest.mark.requirement("S8.1.2-g")
async def test_pruning_keeps_alerts_that_fire(session: Session, admin: Admin) -> None:
    store, old = Store(session), NOW - timedelta(days=60)
    over = fired("b", fired_at=old, resolved_at=old + timedelta(hours=1))
    await store.save_alerts(REPORT, [fired("a", fired_at=old), over])

    removed = await store.prune(timedelta(days=30))

    assert removed == 1
    assert await scalar(admin, "select fingerprint from monitoring.alerts") == "a"


@pytest.mark.pg
async def test_rls_observations_are_kept_per_table(
    session: Session, admin: Admin
) -> None:
    observation = RlsObservation(
        database="app",
        schemaname="public",
        tablename="orders",
        roles=("authenticated",),
        since=NOW,
        calls=10,
        total_exec_time_ms=25.0,
    )

    await Store(session).save_rls_observations(REPORT, [observation])

    assert await rows(
        admin,
        "select tablename, policy_name, role_names, calls, total_exec_time_ms,"
        " overhead_p95_ms from monitoring.rls_observations",
    ) == [("orders", "combined", ["authenticated"], 10, 25.0, None)]


async def test_a_missing_schema_is_a_target_error(
    conninfo: str, reader: Credentials
) -> None:
    session = await Session.open(reader, purpose=Purpose.SIDE, instance="test")

    with pytest.raises(TargetError, match="could not write to schema monitoring"):
        await Store(session).save_samples(REPORT, [])

    assert session.is_open
    assert conninfo
    await session.close()


async def test_a_missing_privilege_is_named(session: Session, admin: Admin) -> None:
    await admin.execute("revoke insert on monitoring.samples from pgvigil_reader")

    with pytest.raises(InsufficientPrivilege):
        await Store(session).save_samples(REPORT, [])

    assert await rows(admin, "select * from monitoring.reports") == []
