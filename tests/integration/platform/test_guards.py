"""Columns that give rights or are counted, with all triggers and policies at work."""

from __future__ import annotations

import pytest

from tests.integration.platform import guards, policy_matrix
from tests.integration.platform.policy_stage import row_id, seed
from tests.platform import Platform


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3.1.1-b", "S3.1.2-d", "S3.1.3-a", "S3.1.3-b", "S3-p4")
@pytest.mark.parametrize("table", guards.TABLES)
async def test_what_gives_rights_or_is_counted_is_kept(
    platform: Platform, table: str
) -> None:
    async with platform.owner.transaction(force_rollback=True):
        await seed(platform.owner)
        await platform.owner.execute(policy_matrix.ATTEMPT)
        actual = await guards.actual(platform.owner, table)

    assert list(map(str, actual)) == list(map(str, guards.expected(table)))


@pytest.mark.requirement("S3.1.3-a", "S3.1.3-b")
async def test_the_service_answers_and_its_answer_is_counted(
    platform: Platform,
) -> None:
    conversation = row_id("conversations", "colleague")
    async with platform.owner.transaction(force_rollback=True):
        await seed(platform.owner)
        await platform.owner.execute("set local role service_role")
        await platform.owner.execute(
            "insert into public.conversation_messages"
            " (conversation_id, role, content, tokens_used)"
            " values (%s, 'assistant', 'Good morning to you', 7)",
            [conversation],
        )
        cursor = await platform.owner.execute(
            "select total_tokens from public.conversations where id = %s",
            [conversation],
        )
        counted = await cursor.fetchone()

    assert counted == (7,)


@pytest.mark.requirement("S3.1.1-b")
async def test_the_owners_functions_and_the_service_pass_the_guards(
    platform: Platform,
) -> None:
    profile = row_id("user_profiles", "colleague")
    async with platform.owner.transaction(force_rollback=True):
        await seed(platform.owner)
        await platform.owner.execute("set local role service_role")
        cursor = await platform.owner.execute(
            "update public.user_profiles set role = 'super_admin' where id = %s",
            [profile],
        )

    assert cursor.rowcount == 1
