"""verify_backup_integrity(): which tables a backup covers that was proved."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
import pytest

from tests.integration.platform.exported import add_tenant
from tests.platform import Connection, Platform, acting_as, add_user

pytestmark = pytest.mark.requirement("S6.1.1-g")

TABLES = {
    "organizations",
    "user_profiles",
    "admin_permissions",
    "content_repositories",
    "content_items",
    "content_versions",
    "content_assignments",
    "conversations",
    "conversation_messages",
    "audit_logs",
}
CHECKED: LiteralString = """
    insert into monitoring.backup_runs (
        label, type, started_at, finished_at, status, verified_at
    )
    values (
        %(label)s,
        'full',
        now() + %(begun)s::interval,
        now() + %(begun)s::interval,
        %(status)s,
        case when %(proved)s then now() + %(begun)s::interval end
    )
    returning id
"""


async def statuses(connection: Connection) -> dict[str, str]:
    cursor = await connection.execute(
        "select table_name, backup_status from monitoring.verify_backup_integrity()"
    )
    return dict(await cursor.fetchall())


async def reported(connection: Connection, table: str) -> Any:
    cursor = await connection.execute(
        "select record_count, last_updated, backup_status"
        " from monitoring.verify_backup_integrity() where table_name = %s",
        [table],
    )
    return await cursor.fetchone()


async def add_backup(
    connection: Connection,
    label: str,
    *,
    begun: str = "1 second",
    status: str = "succeeded",
    proved: bool = True,
    counted: bool = True,
) -> int:
    """Record a backup that began some time from now, with what is there now."""
    cursor = await connection.execute(
        CHECKED, {"label": label, "begun": begun, "status": status, "proved": proved}
    )
    row = await cursor.fetchone()
    assert row is not None
    if counted:
        await connection.execute(
            "select monitoring.record_backup_manifest(%s)", [row[0]]
        )
    return row[0]


@pytest.mark.pg(">=15")
async def test_without_backups_nothing_is_ok(platform: Platform) -> None:
    await add_tenant(platform.owner)

    assert await statuses(platform.owner) == dict.fromkeys(TABLES, "UNVERIFIED")


@pytest.mark.pg(">=15")
async def test_a_proved_backup_after_the_last_change_is_ok(
    platform: Platform, platform_by_tenant: Platform
) -> None:
    for owner in (platform.owner, platform_by_tenant.owner):
        await add_tenant(owner)
        await owner.execute("delete from public.content_assignments")
        await add_backup(owner, "today")

        found = await statuses(owner)

        # Nothing may have been audited, and what was may not be taken away.
        assert found.pop("audit_logs") in {"OK", "EMPTY"}
        assert found.pop("content_assignments") == "EMPTY"
        assert set(found.values()) == {"OK"}


@pytest.mark.parametrize(
    ("backup", "status"),
    [
        ({"proved": False}, "UNVERIFIED"),
        ({"counted": False}, "UNVERIFIED"),
        ({"begun": "-1 day"}, "STALE"),
        ({"begun": "-1 day", "proved": False}, "STALE"),
        ({"status": "failed", "proved": False}, "UNVERIFIED"),
        ({"status": "expired"}, "UNVERIFIED"),
    ],
    ids=["unproved", "uncounted", "before", "before unproved", "failed", "deleted"],
)
async def test_other_backups_are_not_enough(
    platform: Platform, backup: Any, status: str
) -> None:
    owner = platform.owner
    await add_tenant(owner)
    await add_backup(owner, "today", **backup)

    _, _, found = await reported(owner, "content_items")

    assert found == status


async def test_a_change_makes_backups_stale(platform: Platform) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    await add_backup(owner, "before", begun="0 seconds")

    await owner.execute(
        "update public.conversations set last_message_at = now() + interval '1 hour'"
        " where id = %s",
        [tenant.recent],
    )

    found = await statuses(owner)
    assert found["conversations"] == "STALE"
    assert found["content_repositories"] == "OK"


async def test_a_row_less_than_in_the_manifest_is_stale(platform: Platform) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    await add_backup(owner, "before")

    await owner.execute(
        "delete from public.conversation_messages"
        " where conversation_id = %s and sequence_number = 2",
        [tenant.old],
    )

    count, _, status = await reported(owner, "conversation_messages")
    assert (count, status) == (8, "STALE")


async def test_an_older_proved_backup_still_counts(platform: Platform) -> None:
    owner = platform.owner
    await add_tenant(owner)
    await add_backup(owner, "proved", begun="1 second")
    await add_backup(owner, "newer", begun="1 minute", proved=False)

    _, _, status = await reported(owner, "content_items")

    assert status == "OK"


async def test_counts_and_last_changes_are_those_of_the_tables(
    platform: Platform,
) -> None:
    owner = platform.owner
    await add_tenant(owner)
    await owner.execute(
        "insert into app_partitions.audit_logs_default (table_name, operation,"
        " created_at, created_date)"
        " values ('x', 'INSERT', '2001-02-03 00:30+00', '2001-02-02')"
    )

    messages = await reported(owner, "conversation_messages")
    cursor = await owner.execute(
        "select count(*), max(created_at), 'UNVERIFIED'"
        " from public.conversation_messages"
    )
    entries = await reported(owner, "audit_logs")

    assert messages == await cursor.fetchone()
    cursor = await owner.execute(
        "select count(*), max(created_at), 'UNVERIFIED' from public.audit_logs"
    )
    assert entries == await cursor.fetchone()


async def test_large_tables_are_estimated(platform: Platform) -> None:
    owner = platform.owner
    await add_tenant(owner)

    async def counted(table: str, limit: int) -> Any:
        cursor = await owner.execute(
            "select row_count, is_estimate from app_private.count_rows(%s, %s)",
            [table, limit],
        )
        return await cursor.fetchone()

    never_analyzed = await counted("public.conversation_messages", 0)
    await owner.execute("analyze public.conversation_messages")
    await owner.execute("analyze public.conversations")
    await owner.execute("delete from public.conversations")

    assert never_analyzed == (9, False)
    assert await counted("public.conversations", 0) == (3, True)
    assert await counted("public.conversation_messages", 0) == (9, True)
    assert await counted("public.conversation_messages", 1 << 30) == (0, False)


@pytest.mark.parametrize(
    "change",
    [
        "type = 'daily'",
        "status = 'done'",
        "label = ' '",
        "finished_at = started_at - interval '1 second'",
        "finished_at = null",
        "status = 'running'",
        "size_bytes = -1",
        "wal_start = '000000010000000000000002'",
        "wal_start = '000000010000000000000002', wal_stop = '000000010000000000000001'",
        "wal_start = 'a', wal_stop = 'b'",
        "status = 'failed'",
        "verified_at = started_at - interval '1 second'",
    ],
)
async def test_a_backup_that_cannot_be_is_refused(
    platform: Platform, change: str
) -> None:
    await add_backup(platform.owner, "today", counted=False)

    with pytest.raises(psycopg.errors.CheckViolation):
        await platform.owner.execute(
            f"update monitoring.backup_runs set {change}".encode()
        )


async def test_a_manifest_needs_its_backup(platform: Platform) -> None:
    with pytest.raises(psycopg.errors.NoDataFound):
        await platform.owner.execute("select monitoring.record_backup_manifest(1)")


@pytest.mark.pg(">=15")
@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
async def test_backups_are_not_for_api_roles(platform: Platform, role: str) -> None:
    owner = platform.owner
    user = await add_user(owner, email="root@x.example", role="super_admin")

    for statement in (
        "select from monitoring.backup_runs",
        "select from monitoring.backup_manifests",
        "select monitoring.verify_backup_integrity()",
        "select monitoring.record_backup_manifest(1)",
        "select app_private.count_rows('public.user_profiles', 0)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with acting_as(owner, user, role):
                await owner.execute(statement)


async def test_who_does_not_see_all_rows_is_told_so(platform: Platform) -> None:
    owner = platform.owner
    async with owner.transaction(force_rollback=True):
        await owner.execute("create role backup_watcher")
        await owner.execute(
            "grant usage on schema monitoring, app_private to backup_watcher"
        )
        await owner.execute(
            "grant execute on function monitoring.verify_backup_integrity()"
            " to backup_watcher"
        )
        await owner.execute("grant select on public.user_profiles to backup_watcher")
        await owner.execute("set local role backup_watcher")

        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="all rows"):
            async with owner.transaction():
                await statuses(owner)
