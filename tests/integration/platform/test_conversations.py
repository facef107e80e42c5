"""Conversations and their messages: numbers, counters, dates, archival."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.integration.platform.rows import (
    add_conversation,
    add_item,
    refused,
    rows,
    say,
    scalar,
)
from tests.platform import Connection, Platform, acting_as, add_user

pytestmark = pytest.mark.pg(">=15")


async def counters(db: Connection, conversation: UUID) -> tuple[Any, ...]:
    found = await rows(
        db,
        "select message_count, total_tokens, estimated_cost"
        " from public.conversations where id = %s",
        conversation,
    )
    return found[0]


@pytest.fixture
async def owner(platform: Platform) -> Connection:
    return platform.owner


@pytest.fixture
async def user(owner: Connection) -> UUID:
    return await add_user(owner, email="user@example.org")


@pytest.fixture
async def conversation(owner: Connection, user: UUID) -> UUID:
    return await add_conversation(owner, user)


@pytest.mark.requirement("S2.3.1-d")
async def test_counters_follow_messages(owner: Connection, conversation: UUID) -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    for tokens, cents in ((10, 5), (20, None), (None, 120)):
        await say(owner, conversation, tokens_used=tokens, cost_cents=cents)
    await say(owner, conversation, created_at=later)

    await owner.execute(
        "delete from public.conversation_messages where sequence_number = 1"
    )
    await owner.execute(
        "update public.conversation_messages set tokens_used = 25, cost_cents = 3"
        " where sequence_number = 2"
    )

    assert await counters(owner, conversation) == (3, 25, Decimal("1.2300"))
    assert (
        await scalar(owner, "select last_message_at from public.conversations") == later
    )
    assert await rows(owner, "select * from monitoring.reconcile_conversations()") == []


@pytest.mark.requirement("S2.3.1-d")
async def test_a_message_of_a_request_is_counted(
    owner: Connection, user: UUID, conversation: UUID
) -> None:
    async with acting_as(owner, user):
        await say(owner, conversation)

    assert await counters(owner, conversation) == (1, 0, Decimal("0.0000"))


@pytest.mark.requirement("S2.3.1-d")
async def test_a_message_sent_twice_is_counted_once(
    owner: Connection, conversation: UUID
) -> None:
    message = uuid4()
    await say(owner, conversation, id=message)

    async with refused(owner, psycopg.errors.UniqueViolation):
        await say(owner, conversation, id=message)
    await owner.execute(
        "insert into public.conversation_messages (id, conversation_id, role, content)"
        " values (%s, %s, 'user', 'again') on conflict do nothing",
        [message, conversation],
    )

    assert await counters(owner, conversation) == (1, 0, Decimal("0.0000"))
    assert await say(owner, conversation) == 2


@pytest.mark.requirement("S2.3.1-d")
async def test_drift_is_reported(owner: Connection, conversation: UUID) -> None:
    await say(owner, conversation, tokens_used=7)

    await owner.execute("update public.conversations set total_tokens = 9")

    assert await rows(
        owner,
        "select conversation_id, message_count, messages, total_tokens, tokens"
        " from monitoring.reconcile_conversations()",
    ) == [(conversation, 1, 1, 9, 7)]


@pytest.mark.requirement("S2.3.1-d")
async def test_one_update_of_the_conversation_a_message(
    owner: Connection, conversation: UUID
) -> None:
    async with owner.transaction():
        for _ in range(5):
            await say(owner, conversation)
        updated = await scalar(
            owner,
            "select n_tup_upd from pg_catalog.pg_stat_xact_user_tables"
            " where relid = 'public.conversations'::regclass",
        )

    assert updated == 5


@pytest.mark.requirement("S2.3.2-f", "S2.3.1-d")
async def test_a_conversation_goes_with_its_messages(
    owner: Connection, conversation: UUID
) -> None:
    for _ in range(3):
        await say(owner, conversation)

    await owner.execute("delete from public.conversations")

    assert await scalar(owner, "select count(*) from public.conversation_messages") == 0


@pytest.mark.requirement("S2.3.2-f")
async def test_an_account_goes_with_its_conversations(
    owner: Connection, user: UUID, conversation: UUID
) -> None:
    await say(owner, conversation)

    await owner.execute("delete from auth.users where id = %s", [user])

    assert await scalar(owner, "select count(*) from public.conversation_messages") == 0


@pytest.mark.requirement("S2.3.2-c")
async def test_numbers_go_on_across_days_and_deletions(
    owner: Connection, conversation: UUID
) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)

    first = await say(
        owner, conversation, created_at=yesterday, created_date=yesterday.date()
    )
    second = await say(owner, conversation)
    await owner.execute(
        "delete from public.conversation_messages where sequence_number = 2"
    )
    third = await say(owner, conversation, sequence_number=3)

    assert (first, second, third) == (1, 2, 3)


@pytest.mark.requirement("S2.3.2-c")
@pytest.mark.parametrize("number", [1, 3])
async def test_a_number_that_is_not_the_next_is_refused(
    owner: Connection, conversation: UUID, number: int
) -> None:
    await say(owner, conversation)

    async with refused(
        owner,
        psycopg.errors.UniqueViolation,
        "conversation_messages_next_sequence",
    ):
        await say(owner, conversation, sequence_number=number)

    assert await say(owner, conversation) == 2


@pytest.mark.requirement("S2.3.2-c")
async def test_concurrent_messages_get_numbers_without_gaps(
    platform: Platform, conversation: UUID
) -> None:
    async def speak() -> int:
        async with await psycopg.AsyncConnection.connect(
            platform.conninfo, autocommit=True
        ) as connection:
            return await say(connection, conversation)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(speak()) for _ in range(20)]

    assert sorted(task.result() for task in tasks) == list(range(1, 21))
    assert (await counters(platform.owner, conversation))[0] == 20


@pytest.mark.requirement("S2.3.2-f")
async def test_a_message_needs_a_conversation(owner: Connection) -> None:
    async with refused(owner, psycopg.errors.ForeignKeyViolation):
        await say(owner, uuid4())


@pytest.mark.requirement("S2.3.2-c", "S2.3.2-d")
async def test_a_message_stays_where_it_is(
    owner: Connection, conversation: UUID
) -> None:
    await say(owner, conversation)

    for change in ("sequence_number = 2", "created_date = created_date - 1"):
        async with refused(owner, psycopg.errors.CheckViolation, "chk_message_stays"):
            await owner.execute(f"update public.conversation_messages set {change}")


@pytest.mark.requirement("S2.3.2-d", "S2.3.2-e")
async def test_dates_are_those_of_utc(
    owner: Connection, conversation: UUID, user: UUID
) -> None:
    await owner.execute("set timezone = 'Pacific/Auckland'")

    await say(owner, conversation)
    await add_conversation(owner, user)

    for table in ("conversation_messages", "conversations"):
        assert await rows(
            owner,
            "select distinct created_date = (now() at time zone 'UTC')::date"
            f" from public.{table}",
        ) == [(True,)]


@pytest.mark.requirement("S2.3.2-d")
async def test_a_date_far_from_the_time_is_refused(
    owner: Connection, conversation: UUID, user: UUID
) -> None:
    far = datetime.now(UTC).date() - timedelta(days=2)

    async with refused(
        owner, psycopg.errors.CheckViolation, "chk_message_created_date"
    ):
        await say(owner, conversation, created_date=far)
    async with refused(
        owner, psycopg.errors.CheckViolation, "chk_conversation_created_date"
    ):
        await owner.execute(
            "insert into public.conversations (user_id, created_date) values (%s, %s)",
            [user, far],
        )


@pytest.mark.requirement("S2.3.1-e")
async def test_the_end_follows_the_status(
    owner: Connection, conversation: UUID
) -> None:
    ended = [
        await scalar(
            owner,
            "update public.conversations set status = %s where id = %s"
            " returning ended_at",
            status,
            conversation,
        )
        for status in ("completed", "archived", "active", "paused", "archived")
    ]

    assert ended[0] == ended[1]
    assert ended[2:4] == [None, None]
    assert ended[4] > ended[0]


@pytest.mark.requirement("S2.3.1-f")
async def test_an_agent_is_an_item_of_that_kind(owner: Connection, user: UUID) -> None:
    agent = await add_item(owner, user, repository="ai_agents")
    video = await add_item(owner, user, repository="videos")
    insert = "insert into public.conversations (user_id, ai_agent_id) values (%s, %s)"

    await owner.execute(insert, [user, agent])
    async with refused(
        owner, psycopg.errors.CheckViolation, "chk_conversation_ai_agent"
    ):
        await owner.execute(insert, [user, video])
    async with refused(owner, psycopg.errors.ForeignKeyViolation):
        await owner.execute(insert, [user, uuid4()])
    await owner.execute("delete from public.content_items where id = %s", [agent])

    assert await rows(owner, "select ai_agent_id from public.conversations") == [
        (None,)
    ]


@pytest.mark.requirement("S2.3.1-c")
async def test_old_conversations_are_archived(
    owner: Connection, user: UUID, conversation: UUID
) -> None:
    old = await scalar(
        owner,
        "insert into public.conversations (user_id, started_at, last_message_at,"
        " created_date) values (%s, '2026-01-01', '2026-01-02 23:59:59Z',"
        " '2026-01-01') returning id",
        user,
    )
    archive = "select monitoring.archive_conversations(%s)"

    counts = [await scalar(owner, archive, date(2026, 1, day)) for day in (2, 3, 3)]

    assert counts == [0, 1, 0]
    assert await rows(
        owner, "select id, status from public.conversations order by started_at"
    ) == [(old, "archived"), (conversation, "active")]


@pytest.mark.requirement("S2.3.1-c", "S2.3.1-b", "S2.3.2-b")
async def test_only_messages_are_partitioned(owner: Connection) -> None:
    kinds = await rows(
        owner,
        "select relname::text, relkind::text from pg_catalog.pg_class where oid in"
        " ('public.conversations'::regclass,"
        " 'public.conversation_messages'::regclass) order by 1",
    )
    key = await scalar(
        owner,
        "select pg_catalog.pg_get_constraintdef(oid) from pg_catalog.pg_constraint"
        " where conrelid = 'public.conversation_messages'::regclass"
        " and contype = 'f'",
    )

    assert kinds == [("conversation_messages", "p"), ("conversations", "r")]
    assert key == (
        "FOREIGN KEY (conversation_id) REFERENCES conversations(id) ON DELETE CASCADE"
    )
