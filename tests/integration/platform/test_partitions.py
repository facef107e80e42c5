"""Partitions of the platform's tables: created ahead, and filled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import sql

from monitor.model.action import Action, ActionState
from monitor.model.months import month_of, name_of, shifted
from tests.integration.platform.keeping import (
    FAR,
    LATER,
    MESSAGES,
    MONTH,
    NOW,
    Keeper,
    conversation,
    keeping,
    move_action,
    until,
    value,
    write,
)
from tests.platform import Platform, acting_as, add_user
from tests.servers import Cluster

pytestmark = [pytest.mark.pg(">=15"), pytest.mark.requirement("S-P1")]


@pytest.fixture
async def keeper(platform: Platform, cluster: Cluster) -> AsyncIterator[Keeper]:
    async with keeping(platform, cluster) as made:
        yield made


@pytest.mark.requirement("S2.3.2-e")
async def test_install_leaves_partitions_from_last_month_to_three_ahead(
    keeper: Keeper,
) -> None:
    expected = {name_of(MESSAGES, shifted(MONTH, by)) for by in range(-1, 4)}

    assert await keeper.partitions() == expected | {f"{MESSAGES}_default"}
    assert await keeper.plan() == []
    await write(
        keeper.platform.owner, await conversation(keeper.platform), NOW.date(), 1
    )
    assert (
        await keeper.value(
            "select count(*) from only app_partitions.conversation_messages_default"
        )
        == 0
    )


@pytest.mark.requirement("S2.3.2-e")
@pytest.mark.parametrize("table", [MESSAGES, "audit_logs"])
async def test_four_months_later_the_partitions_are_created(
    keeper: Keeper, table: str
) -> None:
    planned = await keeper.plan(LATER)
    ours = [a for a in planned if isinstance(a, Action) and a.name == table]

    entries = [await keeper.perform(each) for each in ours]

    assert [e.state for e in entries] == [ActionState.DONE] * len(ours), entries
    ahead = {name_of(table, shifted(month_of(LATER.date()), by)) for by in range(4)}
    assert ahead <= await keeper.partitions(table)
    assert [a for a in await keeper.plan(LATER) if a.name == table] == []


async def test_a_new_partition_has_what_the_others_have(keeper: Keeper) -> None:
    made, old = name_of(MESSAGES, FAR), name_of(MESSAGES, MONTH)
    await keeper.platform.owner.execute(
        "select app_private.create_partition('public.conversation_messages', %s)", [FAR]
    )

    shapes = [
        await (
            await keeper.platform.owner.execute(
                """
                select
                    c.relrowsecurity,
                    c.relacl::text,
                    array(
                        select replace(pg_get_indexdef(i.indexrelid), %(name)s, '')
                        from pg_index as i where i.indrelid = c.oid order by 1
                    ),
                    array(
                        select k.conname || ' ' || pg_get_constraintdef(k.oid)
                        from pg_constraint as k
                        where k.conrelid = c.oid and k.contype in ('c', 'f')
                        order by 1
                    ),
                    array(
                        select t.tgname::text from pg_trigger as t
                        where t.tgrelid = c.oid and not t.tgisinternal order by 1
                    )
                from pg_class as c
                where c.oid = ('app_partitions.' || %(name)s)::regclass
                """,
                {"name": name},
            )
        ).fetchone()
        for name in (made, old)
    ]

    assert shapes[0] == shapes[1]
    assert shapes[0] is not None
    assert shapes[0][0] is True


async def test_no_api_role_reaches_a_partition(keeper: Keeper) -> None:
    await keeper.platform.owner.execute(
        "select app_private.create_partition('public.conversation_messages', %s)", [FAR]
    )
    user = await add_user(keeper.platform.owner, email="bob@example.org")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with acting_as(keeper.platform.owner, user):
            await keeper.platform.owner.execute(
                sql.SQL("select from app_partitions.{}").format(
                    sql.Identifier(name_of(MESSAGES, FAR))
                )
            )


async def test_rows_are_moved_while_writers_go_on_and_none_fails_or_is_lost(
    keeper: Keeper, record_property: Any
) -> None:
    there = await conversation(keeper.platform)
    await write(keeper.platform.owner, there, FAR, 20_000)
    await write(keeper.platform.owner, there, shifted(FAR, 1), 500)
    moving = await move_action(keeper)
    waits: list[float] = []
    is_over = asyncio.Event()
    writers = [
        asyncio.create_task(_keep_writing(keeper, day, is_over, waits))
        for day in (FAR, FAR, NOW.date())
    ]

    entry = await keeper.perform(moving)
    is_over.set()
    await asyncio.gather(*writers)

    record_property("longest insert, seconds", max(waits))
    assert entry.state is ActionState.DONE, entry.detail
    assert entry.verified["partitions added"] == "2"
    total = await keeper.value("select count(*) from public.conversation_messages")
    assert total == 20_500 + len(waits)
    assert (
        await keeper.value(
            "select count(*) from only app_partitions.conversation_messages_default"
        )
        == 0
    )
    assert (
        await keeper.value(
            "select message_count from public.conversations where id = %s", there
        )
        == 20_500
    )


async def _keep_writing(
    keeper: Keeper, day: date, is_over: asyncio.Event, waits: list[float]
) -> None:
    async with await psycopg.AsyncConnection.connect(
        keeper.platform.conninfo, autocommit=True
    ) as connection:
        user = await value(connection, "select id from auth.users limit 1")
        mine = await value(
            connection,
            "insert into public.conversations (user_id) values (%s) returning id",
            user,
        )
        while not is_over.is_set():
            started = time.monotonic()
            await write(connection, mine, day, 1)
            waits.append(time.monotonic() - started)


async def test_audit_rows_are_moved_although_the_log_is_append_only(
    keeper: Keeper,
) -> None:
    owner = keeper.platform.owner
    await owner.execute(
        "insert into public.audit_logs "
        "(schema_name, table_name, operation, created_at, created_date) "
        "select 'public', 't', 'INSERT', %s::date, %s from generate_series(1, 100)",
        [FAR, FAR],
    )
    before = await keeper.value("select count(*) from public.audit_logs")

    await owner.execute(
        "call app_private.move_default_rows('public.audit_logs', %s, %s)",
        [MONTH, shifted(FAR, 1)],
    )

    assert await keeper.value("select count(*) from public.audit_logs") == before
    assert (
        await keeper.value(
            "select count(*) from only app_partitions.audit_logs_default"
        )
        == 0
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await owner.execute("delete from public.audit_logs")


async def test_rows_of_far_away_times_stay_where_they_are(keeper: Keeper) -> None:
    await write(
        keeper.platform.owner,
        await conversation(keeper.platform),
        shifted(MONTH, 600),
        1,
    )

    await keeper.platform.owner.execute(
        "call app_private.move_default_rows('public.conversation_messages', %s, %s)",
        [shifted(MONTH, -24), shifted(MONTH, 25)],
    )

    assert (
        await keeper.value(
            "select count(*) from only app_partitions.conversation_messages_default"
        )
        == 1
    )


async def test_who_changes_a_row_that_moves_waits_and_the_move_gives_up(
    keeper: Keeper,
) -> None:
    there = await conversation(keeper.platform)
    await write(keeper.platform.owner, there, FAR, 5)
    async with (
        await psycopg.AsyncConnection.connect(keeper.platform.conninfo) as mover,
        await psycopg.AsyncConnection.connect(keeper.platform.conninfo) as changer,
    ):
        # What the move does first; its end is below.
        await mover.execute(
            "select app_private.prepare_partition('public.conversation_messages', %s)",
            [FAR],
        )
        await mover.execute(
            "select app_private.move_rows('public.conversation_messages', %s)", [FAR]
        )
        change = asyncio.create_task(
            changer.execute("update public.conversation_messages set content = 'y'")
        )
        await until(
            keeper,
            "select count(*) from pg_locks "
            "where locktype = 'transactionid' and not granted",
        )

        with pytest.raises(psycopg.errors.LockNotAvailable):
            await mover.execute(
                "select app_private.attach_partition("
                "'public.conversation_messages', %s)",
                [FAR],
            )
        await mover.rollback()

        assert (await change).rowcount == 5


async def test_an_insert_that_waits_for_the_default_partition_does_not_fail(
    keeper: Keeper,
) -> None:
    there = await conversation(keeper.platform)
    async with (
        await psycopg.AsyncConnection.connect(keeper.platform.conninfo) as mover,
        await psycopg.AsyncConnection.connect(keeper.platform.conninfo) as writer,
    ):
        await mover.execute(
            "select app_private.create_partition('public.conversation_messages', %s)",
            [FAR],
        )
        insert = asyncio.create_task(write(writer, there, FAR, 1))
        await asyncio.sleep(0.3)
        await mover.commit()
        await insert
        await writer.commit()

    made = f"app_partitions.{name_of(MESSAGES, FAR)}"
    assert await keeper.value(f"select count(*) from {made}") == 1
