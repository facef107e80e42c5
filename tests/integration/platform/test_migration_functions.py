"""Migrations by SQL: the same conditions as the runner's, under the same lock."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from monitor.errors import MigrationError
from monitor.model import script
from monitor.postgres.migrate import Migrator
from monitor.postgres.script_runner import ScriptRunner
from tests.integration.platform.rows import refused, rows, scalar
from tests.platform import Connection, Platform, session_to

pytestmark = pytest.mark.pg(">=15")

FIRST, SECOND = "20260101000000", "20260102000000"
CREATE = "create table public.things (id integer);"
DROP = "drop table public.things;"
PREREQUISITE = psycopg.errors.ObjectNotInPrerequisiteState


@pytest.fixture
async def owner(platform: Platform) -> Connection:
    return platform.owner


async def apply(
    db: Connection,
    version: str | None = FIRST,
    text: str = CREATE,
    way_back: str | None = DROP,
) -> Any:
    return await scalar(
        db,
        "select public.apply_migration(%s, 'things', %s, %s)",
        version,
        text,
        way_back,
    )


async def roll_back(db: Connection, version: str) -> Any:
    return await scalar(db, "select public.rollback_migration(%s)", version)


async def versions(db: Connection) -> list[str]:
    found = await rows(
        db,
        "select version from public.schema_migrations where length(version) = 14"
        " order by 1",
    )
    return [version for (version,) in found]


@pytest.mark.requirement("S7.1.2-b", "S7.1.2-a")
async def test_sql_is_applied_once_and_recorded(platform_by_tenant: Platform) -> None:
    owner = platform_by_tenant.owner

    outcomes = [await apply(owner), await apply(owner, text=f"{CREATE}  \n\n")]

    assert outcomes == [True, False]
    assert await rows(
        owner,
        "select name, rollback_sql, checksum, applied_by, kind, duration_ms >= 0"
        " from public.schema_migrations where version = %s",
        FIRST,
    ) == [
        (
            "things",
            DROP,
            script.checksum(CREATE),
            "platform_tenant",
            "transactional",
            True,
        )
    ]
    assert await rows(
        owner,
        "select event, details ->> 'version' from monitoring.operations_log"
        " where event like 'migration%%'",
    ) == [("migration_up", FIRST)]


@pytest.mark.requirement("S7.1.2-b")
async def test_the_checksum_is_the_runners(owner: Connection) -> None:
    texts = (
        "select 1;",
        "\ufeffselect 1;\r\n\r\nselect\u00a0'ä\u2003';\u3000\n\n",
        "\n\n  select 1;\t\x1c\n--\x0b\n \x85\nend\r",
        " \n\t\n",
        "",
    )

    digests = [
        await scalar(owner, "select app_private.migration_checksum(%s)", text)
        for text in texts
    ]

    assert digests == [script.checksum(text) for text in texts]


@pytest.mark.requirement("S7.1.2-b")
async def test_other_sql_under_the_same_version_is_refused(owner: Connection) -> None:
    await apply(owner)

    async with refused(owner, PREREQUISITE) as raised:
        await apply(owner, text="create table public.others ();")

    assert "was applied with other SQL" in str(raised.value)


@pytest.mark.requirement("S7.1.2-c")
@pytest.mark.parametrize("version", ["10", "009", "2026", f"{FIRST}0", "v1", None])
async def test_other_versions_than_timestamps_are_refused(
    owner: Connection, version: str | None
) -> None:
    async with refused(owner, psycopg.errors.InvalidParameterValue):
        await apply(owner, version)


@pytest.mark.requirement("S7.1.2-c", "S7.1.2-b")
async def test_an_older_version_is_refused(owner: Connection) -> None:
    await apply(owner, SECOND)

    async with refused(owner, PREREQUISITE) as raised:
        await apply(owner, FIRST, "select 1", None)

    assert "is older than applied" in str(raised.value)


@pytest.mark.requirement("S7.1.2-b")
async def test_a_failing_migration_leaves_nothing(owner: Connection) -> None:
    async with refused(owner, psycopg.errors.DivisionByZero):
        await apply(owner, text=f"{CREATE} select 1 / 0;")
    async with refused(owner, psycopg.errors.ActiveSqlTransaction):
        await apply(
            owner, text="create index concurrently i on public.organizations (depth);"
        )

    assert await versions(owner) == []
    assert await scalar(owner, "select to_regclass('public.things')") is None


@pytest.mark.requirement("S7.1.2-b")
async def test_one_runner_at_a_time(platform: Platform) -> None:
    async with await psycopg.AsyncConnection.connect(
        platform.conninfo, autocommit=True
    ) as other:
        async with platform.owner.transaction():
            await apply(platform.owner)
            async with refused(other, psycopg.errors.LockNotAvailable):
                await apply(other, SECOND, "select 1")
        outcome = await apply(other, SECOND, "select 1")

    assert outcome is True
    assert await versions(platform.owner) == [FIRST, SECOND]


@pytest.mark.requirement("S7.1.2-b")
async def test_the_lock_is_the_runners(platform: Platform) -> None:
    async def busy() -> str:
        async with refused(platform.owner, psycopg.errors.LockNotAvailable):
            await apply(platform.owner)
        return "refused"

    async with session_to(platform.conninfo) as session:
        outcome = await ScriptRunner(session).in_turn("platform", busy)

    assert outcome == "refused"
    assert await apply(platform.owner) is True


@pytest.mark.requirement("S7.1.2-b")
async def test_an_interrupted_file_comes_first(owner: Connection) -> None:
    await owner.execute(
        "update public.schema_migrations set duration_ms = null where version = '002'"
    )

    async with refused(owner, PREREQUISITE) as raised:
        await apply(owner)

    assert "migration 002 was interrupted" in str(raised.value)


@pytest.mark.requirement("S7.2.2-a")
async def test_the_newest_is_taken_back_first(owner: Connection) -> None:
    await apply(owner)
    await apply(owner, SECOND, "create table public.more ();", "drop table public.more")

    async with refused(owner, PREREQUISITE) as raised:
        await roll_back(owner, FIRST)
    outcomes = [await roll_back(owner, version) for version in (SECOND, FIRST)]

    assert "1 dependent migrations exist" in str(raised.value)
    assert outcomes == [True, True]
    assert await versions(owner) == []
    assert await scalar(owner, "select to_regclass('public.things')") is None
    assert await rows(
        owner,
        "select step, version from public.schema_migrations_log"
        " where length(version) = 14 order by at",
    ) == [("up", FIRST), ("up", SECOND), ("down", SECOND), ("down", FIRST)]


@pytest.mark.requirement("S7.2.2-b")
async def test_a_missing_way_back_is_said(owner: Connection) -> None:
    await apply(owner, way_back=None)

    async with refused(owner, PREREQUISITE) as raised:
        await roll_back(owner, FIRST)

    assert raised.value.diag.message_primary == (
        f"No rollback script available for migration {FIRST}"
    )
    assert raised.value.diag.message_hint == (
        "Write a new migration that mends what this one did."
    )


@pytest.mark.requirement("S7.2.2-a")
async def test_what_cannot_be_taken_back(owner: Connection) -> None:
    async with refused(owner, psycopg.errors.NoDataFound):
        await roll_back(owner, FIRST)
    async with refused(owner, psycopg.errors.InvalidParameterValue):
        await roll_back(owner, "002")
    async with refused(owner, psycopg.errors.FeatureNotSupported):
        await apply(owner, way_back="drop table public.things cascade;")


@pytest.mark.requirement("S7.1.2-a", "S7.1.2-b")
@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
async def test_api_roles_reach_no_migration(owner: Connection, role: str) -> None:
    async with owner.transaction(force_rollback=True):
        await owner.execute("select set_config('role', %s, true)", [role])
        async with refused(owner, psycopg.errors.InsufficientPrivilege):
            await apply(owner)
        async with refused(owner, psycopg.errors.InsufficientPrivilege):
            await owner.execute(
                "insert into public.schema_migrations (version, name, kind,"
                " server_version) values ('999', 'x', 'baseline', 1)"
            )


@pytest.mark.requirement("S7.2.2-a", "S7.1.2-b")
async def test_the_runner_leaves_migrations_by_sql_alone(platform: Platform) -> None:
    await apply(platform.owner)

    async with session_to(platform.conninfo) as session:
        runner = Migrator(session, "platform")
        pending = (await runner.plan()).steps
        with pytest.raises(MigrationError) as raised:
            await runner.down(confirm=True)
        await roll_back(platform.owner, FIRST)
        taken_back = await runner.down(confirm=True)

    assert pending == ()
    assert f"migration {FIRST} was applied later" in str(raised.value)
    assert len(taken_back) == 1


@pytest.mark.requirement("S7.1.2-a")
async def test_the_records_are_under_row_level_security(owner: Connection) -> None:
    found = await rows(
        owner,
        "select relname::text, relrowsecurity from pg_catalog.pg_class"
        " where relnamespace = 'public'::regnamespace and relkind = 'r'"
        " and relname like 'schema_migrations%%' order by 1",
    )

    assert found == [("schema_migrations", True), ("schema_migrations_log", True)]
