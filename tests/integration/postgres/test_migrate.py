from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from monitor.errors import MigrationError
from monitor.model.target import Credentials
from monitor.postgres import migration_files
from monitor.postgres.migrate import Migrator
from monitor.postgres.script_runner import Patience
from monitor.postgres.session import Purpose, Session
from tests.poolers import pgbouncer

Admin = psycopg.AsyncConnection[Any]
QUICK = Patience(
    lock=timedelta(milliseconds=100),
    attempts=3,
    pause=timedelta(milliseconds=100),
    turn=timedelta(seconds=20),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(
        tmp_path,
        "001_things",
        "create table public.things (id int);",
        "drop table public.things;",
    )
    return tmp_path


def write(folder: Path, name: str, up: str, down: str | None = None) -> None:
    (folder / f"{name}.sql").write_text(up)
    if down is not None:
        (folder / f"{name}.down.sql").write_text(down)


async def open_session(conninfo: str) -> Session:
    return await Session.open(
        Credentials(conninfo=conninfo), purpose=Purpose.ACT, instance="test"
    )


@pytest.fixture
async def session(conninfo: str) -> AsyncIterator[Session]:
    session = await open_session(conninfo)
    yield session
    await session.close()


def migrator(session: Session, folder: Path, patience: Patience = QUICK) -> Migrator:
    return Migrator(session, "platform", folder=folder, patience=patience)


async def scalar(admin: Admin, query: Any, *parameters: object) -> Any:
    row = await (await admin.execute(query, parameters or None)).fetchone()
    return row[0] if row else None


async def conditions(runner: Migrator) -> list[tuple[str, str]]:
    return [(s.version, s.condition) for s in await runner.status()]


@pytest.mark.pg
@pytest.mark.requirement("S7.1.2-a")
async def test_up_applies_and_records(
    session: Session, folder: Path, admin: Admin
) -> None:
    runner = migrator(session, folder)
    before = datetime.now(UTC) - timedelta(minutes=1)

    done = await runner.up()

    cursor = await admin.execute(
        "select version, name, applied_at, rollback_sql, applied_by, duration_ms,"
        " kind, server_version from public.schema_migrations"
    )
    rows = await cursor.fetchall()
    version, name, applied_at, rollback_sql, applied_by, duration, kind, server = rows[
        0
    ]
    assert [m.version for m in done] == ["001"]
    assert (version, name, kind) == ("001", "things", "transactional")
    assert rollback_sql == "drop table public.things;"
    assert applied_by == "postgres"
    assert applied_at > before
    assert duration >= 0
    assert server == admin.info.server_version
    assert await scalar(admin, "select to_regclass('public.things') is not null")


@pytest.mark.pg
async def test_a_second_run_does_nothing(session: Session, folder: Path) -> None:
    runner = migrator(session, folder)
    await runner.up()

    assert await runner.up() == ()
    assert await conditions(runner) == [("001", "applied")]


async def test_a_plan_changes_nothing(
    session: Session, folder: Path, admin: Admin
) -> None:
    plan = await migrator(session, folder).plan()

    assert [m.version for m in plan.steps] == ["001"]
    assert await scalar(admin, "select to_regclass('public.schema_migrations')") is None


async def test_a_rehearsal_runs_the_files_and_leaves_nothing(
    session: Session, folder: Path, admin: Admin
) -> None:
    write(folder, "002_more", "alter table public.things add column name text;")

    rehearsed = await migrator(session, folder).rehearse()

    assert [m.version for m in rehearsed] == ["001", "002"]
    assert await scalar(admin, "select to_regclass('public.things')") is None


async def test_a_rehearsal_finds_what_would_fail(
    session: Session, folder: Path
) -> None:
    write(folder, "002_bad", "select 1;\n\nselect nothing from nowhere;")

    with pytest.raises(MigrationError, match=r"002_bad\.sql.*line 3"):
        await migrator(session, folder).rehearse()


@pytest.mark.requirement("S7.1.2-b")
async def test_a_failing_file_leaves_those_before_it_and_nothing_of_its_own(
    session: Session, folder: Path, admin: Admin
) -> None:
    write(folder, "002_half", "create table public.half ();\nselect 1 / 0;")
    runner = migrator(session, folder)

    with pytest.raises(MigrationError, match=r"002_half\.sql") as raised:
        await runner.up()

    assert "division by zero" in raised.value.detail
    assert await conditions(runner) == [("001", "applied"), ("002", "pending")]
    assert await scalar(admin, "select to_regclass('public.half')") is None


@pytest.mark.pg
@pytest.mark.requirement("S7.1.2-b")
async def test_a_changed_file_is_refused_by_name(
    session: Session, folder: Path
) -> None:
    await migrator(session, folder).up()
    write(folder, "001_things", "create table public.things (id bigint);")

    with pytest.raises(MigrationError, match=r"001_things\.sql"):
        await migrator(session, folder).up()

    assert await conditions(migrator(session, folder)) == [("001", "changed")]


@pytest.mark.pg
@pytest.mark.requirement("S7.1.2-b")
async def test_of_two_runners_one_waits_and_finds_nothing_to_do(
    conninfo: str, folder: Path
) -> None:
    write(folder, "002_slow", "select pg_catalog.pg_sleep(0.5);")
    first, second = await open_session(conninfo), await open_session(conninfo)

    outcomes = await asyncio.gather(
        migrator(first, folder).up(), migrator(second, folder).up()
    )

    assert sorted(len(done) for done in outcomes) == [0, 2]
    await first.close()
    await second.close()


async def test_a_runner_gives_up_when_its_turn_does_not_come(
    conninfo: str, folder: Path
) -> None:
    write(folder, "002_slow", "select pg_catalog.pg_sleep(5);")
    first, second = await open_session(conninfo), await open_session(conninfo)
    running = asyncio.ensure_future(migrator(first, folder).up())
    await asyncio.sleep(0.5)
    hasty = Patience(turn=timedelta())

    with pytest.raises(MigrationError, match="another runner"):
        await migrator(second, folder, hasty).up()

    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await second.close()


@pytest.mark.requirement("S7.1.2-b")
async def test_a_locked_table_is_tried_again_until_it_is_free(
    session: Session, folder: Path, admin: Admin
) -> None:
    runner = migrator(session, folder)
    await runner.up()
    write(folder, "002_more", "alter table public.things add column name text;")

    async with admin.transaction():
        await admin.execute("lock table public.things in access share mode")
        running = asyncio.ensure_future(migrator(session, folder).up())
        await asyncio.sleep(0.25)

    assert [m.version for m in await running] == ["002"]


async def test_a_table_that_stays_locked_is_said_by_file(
    session: Session, folder: Path, admin: Admin
) -> None:
    await migrator(session, folder).up()
    write(folder, "002_more", "alter table public.things add column name text;")
    hasty = Patience(lock=timedelta(milliseconds=50), attempts=1)

    async with admin.transaction():
        await admin.execute("lock table public.things in access share mode")
        with pytest.raises(MigrationError, match=r"002_more\.sql") as raised:
            await migrator(session, folder, hasty).up()

    assert "lock" in raised.value.hint


@pytest.mark.pg
@pytest.mark.requirement("S7.1.2-b")
async def test_a_build_killed_midway_is_dirty_and_repaired_by_the_next_run(
    conninfo: str, session: Session, folder: Path, admin: Admin
) -> None:
    await migrator(session, folder).up()
    write(
        folder,
        "002_indexes",
        "-- no-transaction\n"
        "create index concurrently one on public.things (id);\n"
        "create index concurrently two on public.things (id);\n",
        "-- no-transaction\n"
        "drop index concurrently public.two;\n"
        "drop index concurrently public.one;\n",
    )
    victim = await open_session(conninfo)

    # An older snapshot keeps the build waiting in its last phase.
    async with admin.transaction():
        await admin.execute("set transaction isolation level repeatable read")
        await admin.execute("select 1 from public.things")
        running = asyncio.ensure_future(migrator(victim, folder).up())
        await wait_for_index(conninfo, "one")
        await terminate(conninfo, victim.backend_pid)
        with pytest.raises(MigrationError):
            await running
    interrupted = await conditions(migrator(session, folder))
    repaired = await migrator(session, folder).up()

    assert interrupted == [("001", "applied"), ("002", "dirty")]
    assert [m.version for m in repaired] == ["002"]
    assert await conditions(migrator(session, folder)) == [
        ("001", "applied"),
        ("002", "applied"),
    ]
    assert await valid_indexes(admin) == ["one", "two"]

    await migrator(session, folder).down(confirm=True)

    assert await valid_indexes(admin) == []
    assert await conditions(migrator(session, folder)) == [
        ("001", "applied"),
        ("002", "pending"),
    ]


async def wait_for_index(conninfo: str, name: str) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as c:
        for _ in range(1000):
            if await scalar(c, "select to_regclass(%s)", f"public.{name}"):
                return
            await asyncio.sleep(0.02)
    pytest.fail(f"index {name} never appeared")


async def terminate(conninfo: str, pid: int) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as c:
        await c.execute("select pg_terminate_backend(%s)", [pid])


async def valid_indexes(admin: Admin) -> list[str]:
    cursor = await admin.execute(
        "select c.relname from pg_index as i join pg_class as c on c.oid = i.indexrelid"
        " where i.indrelid = 'public.things'::regclass and i.indisvalid order by 1"
    )
    return [name for (name,) in await cursor.fetchall()]


async def test_an_invalid_index_of_someone_else_is_never_taken_for_ours(
    session: Session, folder: Path, admin: Admin
) -> None:
    await migrator(session, folder).up()
    await admin.execute("insert into public.things values (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await admin.execute("create unique index concurrently one on things (id)")
    write(
        folder,
        "002_indexes",
        "-- no-transaction\ncreate index concurrently one on public.things (id);",
    )

    with pytest.raises(MigrationError, match=r"public\.one"):
        await migrator(session, folder).up()

    assert await scalar(admin, "select to_regclass('public.one') is not null")


@pytest.mark.requirement("S7.2.2-a")
async def test_down_needs_to_be_confirmed_and_says_what_would_be_lost(
    session: Session, folder: Path, admin: Admin
) -> None:
    await migrator(session, folder).up()
    await admin.execute("insert into public.things select generate_series(1, 3)")

    with pytest.raises(MigrationError, match="confirmed") as raised:
        await migrator(session, folder).down()

    assert 'table "public.things" with 3 rows' in raised.value.detail
    assert await scalar(admin, "select count(*) from public.things") == 3


@pytest.mark.pg
@pytest.mark.requirement("S7.2.2-a")
async def test_down_takes_back_the_last_version_only_and_keeps_a_trace(
    session: Session, folder: Path, admin: Admin
) -> None:
    write(
        folder,
        "002_more",
        "alter table public.things add column name text;",
        "alter table public.things drop column name;",
    )
    runner = migrator(session, folder)
    await runner.up()

    done = await runner.down(confirm=True)

    assert [m.version for m in done] == ["002"]
    assert await conditions(runner) == [("001", "applied"), ("002", "pending")]
    assert (
        await scalar(
            admin,
            "select string_agg(step || version, ' ' order by at)"
            " from public.schema_migrations_log",
        )
        == "up001 up002 down002"
    )


async def test_down_to_nothing_takes_everything_back(
    session: Session, folder: Path, admin: Admin
) -> None:
    write(folder, "002_other", "create table public.o ();", "drop table public.o;")
    runner = migrator(session, folder)
    await runner.up()

    await runner.down("none", confirm=True)

    assert await scalar(admin, "select to_regclass('public.things')") is None
    assert await conditions(runner) == [("001", "pending"), ("002", "pending")]


@pytest.mark.requirement("S7.2.2-a")
async def test_the_stored_way_back_is_compared_and_never_run(
    session: Session, folder: Path, admin: Admin
) -> None:
    runner = migrator(session, folder)
    await runner.up()
    await admin.execute(
        "update public.schema_migrations set rollback_sql = 'create role intruder'"
    )

    with pytest.raises(MigrationError, match=r"001_things\.down\.sql"):
        await runner.down(confirm=True)

    assert await scalar(admin, "select to_regrole('intruder')") is None


async def test_a_baseline_adopts_without_running(
    session: Session, folder: Path, admin: Admin
) -> None:
    await admin.execute("create table public.things (id int)")
    write(folder, "002_more", "alter table public.things add column name text;")
    runner = migrator(session, folder)

    adopted = await runner.baseline("001")
    done = await runner.up()

    assert [m.version for m in adopted] == ["001"]
    assert [m.version for m in done] == ["002"]
    assert [s.kind for s in await runner.status()] == ["baseline", "transactional"]


async def test_a_table_of_another_tool_is_refused(
    session: Session, folder: Path, admin: Admin
) -> None:
    await admin.execute("create table public.schema_migrations (version bigint)")

    with pytest.raises(MigrationError, match="belongs to another tool") as raised:
        await migrator(session, folder).up()

    assert "Its columns are version." in raised.value.detail
    assert await scalar(admin, "select to_regclass('public.things')") is None


@pytest.mark.pg
@pytest.mark.requirement("S7.1.2-a")
async def test_api_roles_cannot_write_records_even_under_default_grants(
    session: Session, folder: Path, admin: Admin
) -> None:
    await ensure_role(admin, "anon")
    await admin.execute(
        "alter default privileges in schema public grant all on tables to anon"
    )
    await admin.execute("grant usage on schema public to anon")
    await migrator(session, folder).up()

    async with admin.transaction(force_rollback=True):
        await admin.execute("set local role anon")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await admin.execute(
                "insert into public.schema_migrations"
                " (version, name, rollback_sql, kind, server_version)"
                " values ('999', 'x', 'drop schema public', 'baseline', 1)"
            )


async def ensure_role(admin: Admin, name: str) -> None:
    if not await scalar(admin, "select 1 from pg_roles where rolname = %s", name):
        await admin.execute(sql.SQL("create role {}").format(sql.Identifier(name)))


@pytest.mark.requirement("S7.2.1-a")
async def test_generated_files_apply(session: Session, folder: Path) -> None:
    today = datetime(2026, 1, 2, tzinfo=UTC).date()
    up, down = migration_files.create_pair(folder, "Add more things!", today)

    done = await migrator(session, folder).up()

    assert (up.name, down.name) == (
        "002_add_more_things.sql",
        "002_add_more_things.down.sql",
    )
    assert [m.version for m in done] == ["001", "002"]


async def test_a_session_for_reading_is_refused(conninfo: str, folder: Path) -> None:
    session = await Session.open(
        Credentials(conninfo=conninfo), purpose=Purpose.SIDE, instance="test"
    )

    with pytest.raises(MigrationError, match="side session"):
        migrator(session, folder)

    await session.close()


async def test_a_transaction_pooler_is_refused(
    conninfo: str, folder: Path, admin: Admin
) -> None:
    with pgbouncer(conninfo, "transaction") as pooler:
        session = await open_session(pooler.conninfo)

        with pytest.raises(MigrationError, match="transaction pooler"):
            migrator(session, folder)

        await session.close()
    assert await scalar(admin, "select to_regclass('public.things')") is None


async def test_a_session_pooler_will_do(conninfo: str, folder: Path) -> None:
    with pgbouncer(conninfo, "session") as pooler:
        session = await open_session(pooler.conninfo)

        done = await migrator(session, folder).up()

        await session.close()
    assert [m.version for m in done] == ["001"]


@pytest.mark.pg
async def test_a_build_cancelled_with_its_runner_is_repaired_by_the_one_that_waits(
    conninfo: str, session: Session, folder: Path, admin: Admin
) -> None:
    await migrator(session, folder).up()
    write(
        folder,
        "002_indexes",
        "-- no-transaction\ncreate index concurrently one on public.things (id);",
    )
    victim = await open_session(conninfo)

    async with admin.transaction():
        await admin.execute("set transaction isolation level repeatable read")
        await admin.execute("select 1 from public.things")
        running = asyncio.ensure_future(migrator(victim, folder).up())
        await wait_for_index(conninfo, "one")
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError, MigrationError):
            await running
        waiting = asyncio.ensure_future(migrator(session, folder).up())
        await asyncio.sleep(0.3)
    repaired = await waiting

    assert [m.version for m in repaired] == ["002"]
    assert await valid_indexes(admin) == ["one"]
    assert await conditions(migrator(session, folder)) == [
        ("001", "applied"),
        ("002", "applied"),
    ]
