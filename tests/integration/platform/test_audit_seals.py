"""Seals of the audit log: what they prove, and what they do not mind."""

from __future__ import annotations

from datetime import date, timedelta
from typing import LiteralString

import psycopg
import pytest

from tests.integration.platform.rows import refused, rows, scalar
from tests.platform import Connection, Platform

pytestmark = [pytest.mark.pg(">=15"), pytest.mark.requirement("S5.2.1-h")]

FIRST = 6
"""How many days ago the first audit row of these tests was written."""
LAST = 2
"""How many days ago the newest day lies that can be sealed."""

SEALED_DAYS = FIRST - LAST + 1
CHANGES: dict[LiteralString, LiteralString] = {
    "id": "gen_random_uuid()",
    "schema_name": "'other'",
    "table_name": "'other'",
    "record_id": "''",
    "operation": "'DELETE'",
    "old_values": "'null'",
    "new_values": """'{"a": 1.0}'""",
    "changed_fields": "'{}'",
    "user_id": "gen_random_uuid()",
    "actor_role": "'other'",
    "session_user_name": "'other'",
    "session_id": "''",
    "ip_address": "'192.0.2.2'",
    "user_agent": "''",
    "txid": "txid + 1",
    "created_at": "created_at + interval '1 microsecond'",
    "created_date": "created_date + 1",
}
"""Another value for each column; nulls and what looks like them are told apart."""


@pytest.fixture
async def owner(platform: Platform) -> Connection:
    """Return the owner of a log that begins FIRST days ago."""
    await write(platform.owner, FIRST, 2)
    await write(platform.owner, 4, 3)
    return platform.owner


async def today(connection: Connection) -> date:
    return await scalar(connection, "select (now() at time zone 'UTC')::date")


async def write(connection: Connection, days_ago: int, count: int = 1) -> None:
    """Write audit rows of a day, all at one time."""
    await connection.execute(
        """
        insert into public.audit_logs (
            table_name,
            operation,
            new_values,
            created_at,
            created_date
        )
        select
            'things',
            'INSERT',
            '{"a": 1}',
            ((now() at time zone 'UTC')::date - %(days)s) at time zone 'UTC',
            (now() at time zone 'UTC')::date - %(days)s
        from generate_series(1, %(count)s)
        """,
        {"days": days_ago, "count": count},
    )


async def seal(connection: Connection, days_ago: int | None = None) -> int:
    up_to = None if days_ago is None else await today(connection) - timedelta(days_ago)
    return await scalar(connection, "select monitoring.seal_audit(%s)", up_to)


async def tamper(
    connection: Connection, statement: LiteralString, days_ago: int
) -> None:
    """Run a statement about a day in the way that is meant for maintenance."""
    day = await today(connection) - timedelta(days_ago)
    async with connection.transaction():
        await connection.execute("select app_private.begin_audit_maintenance()")
        await connection.execute(statement, {"day": day})


async def found(connection: Connection) -> dict[int, str]:
    """Return how many days ago a status other than OK and UNSEALED was found."""
    now = await today(connection)
    judged = await rows(
        connection, "select created_date, status from monitoring.verify_audit()"
    )
    return {
        (now - day).days: status
        for day, status in judged
        if status not in {"OK", "UNSEALED"}
    }


async def statuses(connection: Connection) -> list[tuple[int, str]]:
    """Return days ago and status of all but today, where others write too."""
    now = await today(connection)
    judged = await rows(
        connection, "select created_date, status from monitoring.verify_audit()"
    )
    return [((now - day).days, status) for day, status in judged if day < now]


async def test_every_day_is_sealed_once_with_or_without_rows(
    owner: Connection,
) -> None:
    sealed = [await seal(owner), await seal(owner)]

    now = await today(owner)
    counts = await rows(
        owner,
        "select created_date, row_count from app_private.audit_seals"
        " order by created_date",
    )
    assert sealed == [SEALED_DAYS, 0]
    assert [((now - day).days, count) for day, count in counts] == [
        (6, 2),
        (5, 0),
        (4, 3),
        (3, 0),
        (2, 0),
    ]
    assert await statuses(owner) == [(ago, "OK") for ago in range(FIRST, LAST - 1, -1)]


async def test_sealing_goes_on_where_it_ended(owner: Connection) -> None:
    sealed = [await seal(owner, 4), await seal(owner, 5), await seal(owner, 0)]

    assert sealed == [3, 0, 2]
    assert await found(owner) == {}


async def test_a_day_that_has_just_ended_is_not_sealed(owner: Connection) -> None:
    await write(owner, 1)

    await seal(owner)
    await write(owner, 1)

    assert await statuses(owner) == [
        *((ago, "OK") for ago in range(FIRST, LAST - 1, -1)),
        (1, "UNSEALED"),
    ]


async def test_late_rows_of_today_and_days_without_a_seal_are_no_tampering(
    owner: Connection,
) -> None:
    await seal(owner, 5)

    await write(owner, 0)

    now = await today(owner)
    judged = dict(
        await rows(owner, "select created_date, status from monitoring.verify_audit()")
    )
    assert await found(owner) == {}
    assert judged[now] == "UNSEALED"
    assert judged[now - timedelta(4)] == "UNSEALED"


async def test_an_empty_log_needs_no_seal(platform: Platform) -> None:
    owner = platform.owner

    sealed = await seal(owner)

    assert sealed == 0
    assert await found(owner) == {}


async def test_a_change_of_any_column_is_found(owner: Connection) -> None:
    columns = await rows(
        owner,
        "select attname::text from pg_attribute"
        " where attrelid = 'public.audit_logs'::regclass and attnum > 0",
    )
    await seal(owner)
    seen: dict[LiteralString, str] = {}

    for name, value in CHANGES.items():
        async with owner.transaction(force_rollback=True):
            await tamper(
                owner,
                f"update public.audit_logs set {name} = {value}"
                " where created_date = %(day)s and id = ("
                "select min(id::text) from public.audit_logs"
                " where created_date = %(day)s)::uuid",
                4,
            )
            seen[name] = (await found(owner))[4]

    assert seen == {name: "CHANGED" for (name,) in columns}


async def test_a_row_that_is_gone_is_found(owner: Connection) -> None:
    await seal(owner)

    await tamper(
        owner,
        "delete from public.audit_logs where id = (select min(id::text)"
        " from public.audit_logs where created_date = %(day)s)::uuid",
        4,
    )

    details = await scalar(
        owner,
        "select details from monitoring.verify_audit() where status = 'CHANGED'",
    )
    assert await found(owner) == {4: "CHANGED"}
    assert details == "2 row(s), 3 sealed"


async def test_a_day_that_is_gone_is_found(owner: Connection) -> None:
    await write(owner, 0)
    await seal(owner)

    await tamper(owner, "delete from public.audit_logs where created_date = %(day)s", 4)

    assert await found(owner) == {4: "MISSING"}


@pytest.mark.parametrize(
    ("days_ago", "status"),
    [(4, "CHANGED"), (5, "CHANGED"), (FIRST + 40, "CHANGED"), (1, None)],
    ids=["among others", "empty day", "before the first", "not sealed yet"],
)
async def test_a_row_put_in_later_is_found_where_days_are_sealed(
    owner: Connection, days_ago: int, status: str | None
) -> None:
    await seal(owner)

    await write(owner, days_ago)

    assert await found(owner) == ({} if status is None else {days_ago: status})


@pytest.mark.parametrize(
    "column", ["row_count = 7", r"digest = '\x01'", r"previous = '\x01'", "seal = ''"]
)
async def test_a_changed_seal_is_found(
    owner: Connection, column: LiteralString
) -> None:
    await seal(owner)

    await tamper(
        owner,
        f"update app_private.audit_seals set {column} where created_date = %(day)s",
        5,
    )

    assert (await found(owner))[5] == "CHAIN BROKEN"


async def test_a_seal_made_anew_breaks_the_chain_after_it(owner: Connection) -> None:
    await seal(owner)
    await write(owner, 5)

    await tamper(
        owner,
        """
        update app_private.audit_seals as s
        set
            row_count = d.row_count,
            digest = d.digest,
            seal = app_private.audit_seal(
                s.previous, s.created_date, d.row_count, d.digest
            )
        from app_private.digest_audit_days(%(day)s, %(day)s + 1) as d
        where s.created_date = d.created_date
        """,
        5,
    )

    assert await found(owner) == {4: "CHAIN BROKEN"}


@pytest.mark.parametrize(
    ("days_ago", "expected"),
    [
        (FIRST, {6: "CHANGED", 5: "CHAIN BROKEN"}),
        (5, {4: "CHAIN BROKEN"}),
        (4, {4: "CHAIN BROKEN", 3: "CHAIN BROKEN"}),
        (LAST, {}),
    ],
    ids=["first", "of an empty day", "of a day with rows", "newest, told by its copy"],
)
async def test_a_removed_seal_is_found_by_the_next_one(
    owner: Connection, days_ago: int, expected: dict[int, str]
) -> None:
    await seal(owner)

    await tamper(
        owner,
        "delete from app_private.audit_seals where created_date = %(day)s",
        days_ago,
    )

    assert await found(owner) == expected


async def test_a_month_that_retention_dropped_is_retired(owner: Connection) -> None:
    month = (await today(owner)).replace(day=1) - timedelta(62)
    month = month.replace(day=1)
    await owner.execute(
        "select app_private.create_partition('public.audit_logs', %s)", [month]
    )
    for day in (3, 5):
        await write(owner, (await today(owner) - month.replace(day=day)).days)
    await seal(owner)
    partition = f"audit_logs_{month:%Y_%m}"

    async with owner.transaction(force_rollback=True):
        await tamper(
            owner,
            "delete from public.audit_logs where created_date < %(day)s",
            FIRST,
        )
        emptied = set((await found(owner)).values())
    await owner.execute(f"drop table app_partitions.{partition}".encode())

    now = await today(owner)
    assert emptied == {"MISSING"}
    assert await found(owner) == {
        (now - month.replace(day=day)).days: "RETIRED" for day in (3, 5)
    }


async def test_a_day_is_missing_while_others_of_its_month_are_there(
    owner: Connection,
) -> None:
    month = (await today(owner)).replace(day=1) - timedelta(62)
    for day in (3, 5):
        await write(owner, (await today(owner) - month.replace(day=day)).days)
    await seal(owner)
    gone = (await today(owner) - month.replace(day=3)).days

    await tamper(
        owner, "delete from public.audit_logs where created_date = %(day)s", gone
    )

    assert await found(owner) == {gone: "MISSING"}


async def test_moving_rows_to_their_partition_changes_nothing(
    owner: Connection,
) -> None:
    month = ((await today(owner)).replace(day=1) - timedelta(62)).replace(day=1)
    await write(owner, (await today(owner) - month).days, 5)
    await seal(owner)

    await owner.execute(
        "select app_private.create_partition('public.audit_logs', %s)", [month]
    )

    assert await found(owner) == {}


async def test_a_column_added_later_changes_nothing(owner: Connection) -> None:
    await seal(owner)

    await owner.execute("alter table public.audit_logs add column note text")

    assert await found(owner) == {}


async def test_settings_of_the_session_change_nothing(owner: Connection) -> None:
    await seal(owner)

    for setting in (
        "timezone = 'Pacific/Kiritimati'",
        "datestyle = 'German, DMY'",
        "bytea_output = 'escape'",
        "extra_float_digits = 0",
    ):
        await owner.execute(f"set {setting}".encode())

    assert await found(owner) == {}
    assert await seal(owner) == 0


async def test_an_open_transaction_of_today_keeps_no_day_open(
    owner: Connection, platform: Platform
) -> None:
    async with await psycopg.AsyncConnection.connect(platform.conninfo) as other:
        await other.execute("select 1")

        sealed = await seal(owner)

    assert sealed == SEALED_DAYS


@pytest.mark.parametrize(
    "statement",
    [
        "update app_private.audit_seals set row_count = 0",
        "delete from app_private.audit_seals",
        "truncate app_private.audit_seals",
    ],
)
async def test_not_even_the_owner_changes_a_seal(
    platform_by_tenant: Platform, statement: LiteralString
) -> None:
    owner = platform_by_tenant.owner
    await write(owner, FIRST)
    assert await seal(owner) == SEALED_DAYS

    async with refused(owner, psycopg.errors.InsufficientPrivilege):
        await owner.execute(statement)

    assert await found(owner) == {}
