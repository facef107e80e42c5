"""Generated rows: as many as asked for, the same again, and as triggers want them."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor.cli.platform_generate import generate as command
from monitor.demo.population import Population, generate
from monitor.errors import ActionFailed
from tests.platform import Platform, add_user, session_to

NOW = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
SMALL = Population(profiles=300, messages=1_010, until=NOW)

COUNTS = """
select
    (select count(*) from public.organizations),
    (select count(*) from public.user_profiles),
    (select count(*) from public.content_items),
    (select count(*) from public.conversations),
    (select count(*) from public.conversation_messages)
"""
WRONG_COUNTERS = """
select count(*)
from public.conversations as c
cross join lateral (
    select
        count(*) as messages,
        coalesce(sum(g.tokens_used), 0) as tokens,
        coalesce(sum(g.cost_cents), 0) / 100.0 as cost,
        coalesce(max(g.sequence_number), 0) as newest,
        max(g.created_at) as moment
    from public.conversation_messages as g
    where g.conversation_id = c.id
) as m
where
    (c.message_count, c.total_tokens, c.estimated_cost, c.last_sequence)
    <> (m.messages, m.tokens, m.cost, m.newest)
    or c.last_message_at <> coalesce(m.moment, c.started_at)
"""
LINES = """
select r.line
from (
    select
        (to_jsonb(p) - array['created_at', 'updated_at'])::text as line
    from public.user_profiles as p
    union all
    select to_jsonb(c)::text from public.conversations as c
    union all
    select to_jsonb(g)::text from public.conversation_messages as g
) as r
"""
ORPHANS = """
select
    (
        select count(*) from public.conversations as c
        left join public.user_profiles as p on p.id = c.user_id
        left join public.content_items as i on i.id = c.ai_agent_id
        left join public.content_repositories as r on r.id = i.repository_id
        where p.id is null or r.content_type is distinct from 'ai_agent'
    )
    + (
        select count(*) from public.conversation_messages as g
        left join public.conversations as c on c.id = g.conversation_id
        where c.id is null
    )
    + (
        select count(*) from public.content_items as i
        left join public.user_profiles as p on p.id = i.created_by
        where p.organization_id is distinct from i.organization_id
    )
    + (
        select count(*) from public.user_profiles as p
        left join auth.users as u on u.id = p.id
        left join public.organizations as o on o.id = p.organization_id
        where u.id is null or o.id is null or o.organization_path <> '/' || o.id || '/'
    )
    + (
        select count(*) from public.content_assignments as a
        left join public.content_items as i on i.id = a.content_item_id
        left join public.user_profiles as p on p.id = coalesce(a.user_id, a.assigned_by)
        where i.status is not distinct from 'archived' or i.id is null or p.id is null
    )
    + (select count(*) from app_partitions.conversation_messages_default)
"""


def silent(what: str, done: int, total: int) -> None:
    del what, done, total


async def fill(platform: Platform, population: Population, **options: bool) -> bool:
    async with session_to(platform.conninfo) as session:
        return await generate(session, population, silent, **options)


async def row(platform: Platform, query: str) -> tuple[Any, ...]:
    found = await (await platform.owner.execute(query.encode())).fetchone()
    assert found is not None
    return tuple(found)


async def lines(platform: Platform) -> set[str]:
    cursor = await platform.owner.execute(LINES)
    return {str(found[0]) for found in await cursor.fetchall()}


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S0-d")
async def test_it_makes_as_many_rows_as_asked_for(platform: Platform) -> None:
    fired = await fill(platform, SMALL)

    assert not fired
    assert await row(platform, COUNTS) == (1, 300, 50, 51, 1_010)
    assert await row(platform, WRONG_COUNTERS) == (0,)
    assert await row(platform, ORPHANS) == (0,)


@pytest.mark.requirement("S0-d")
async def test_a_tenant_gets_the_same_rows_past_triggers_that_fire(
    platform: Platform, platform_by_tenant: Platform
) -> None:
    await fill(platform, SMALL)

    fired = await fill(platform_by_tenant, SMALL)

    assert fired
    assert await row(platform_by_tenant, COUNTS) == (1, 300, 50, 51, 1_010)
    assert await row(platform_by_tenant, WRONG_COUNTERS) == (0,)
    assert await row(platform_by_tenant, ORPHANS) == (0,)
    assert await lines(platform) == await lines(platform_by_tenant)


async def test_a_seed_is_used_once(platform: Platform) -> None:
    await fill(platform, SMALL)
    before = await row(platform, COUNTS)

    with pytest.raises(ActionFailed, match="seed 1 are there already"):
        await fill(platform, SMALL)
    after = await row(platform, COUNTS)
    await fill(platform, Population(profiles=10, messages=0, until=NOW, seed=2))

    assert before == after
    assert (await row(platform, COUNTS))[1] == before[1] + 10


async def test_real_users_are_not_mixed_with_generated_ones(platform: Platform) -> None:
    await add_user(platform.owner, email="someone@example.org")

    with pytest.raises(ActionFailed, match="who were not generated"):
        await fill(platform, SMALL)
    alone = await row(platform, COUNTS)
    await fill(platform, SMALL, beside_real_users=True)

    assert alone[1] == 1
    assert (await row(platform, COUNTS))[1] == 301


async def test_progress_ends_with_every_total(platform: Platform) -> None:
    told: dict[str, tuple[int, int]] = {}

    def note(what: str, done: int, total: int) -> None:
        told[what] = (done, total)

    async with session_to(platform.conninfo) as session:
        await generate(session, SMALL, note)

    assert told == {
        "organizations": (1, 1),
        "users": (300, 300),
        "content items": (50, 50),
        "assignments": (50, 50),
        "conversations": (51, 51),
    }


@pytest.mark.requirement("S0-d")
async def test_the_command_says_what_it_made(
    platform: Platform, tmp_path: Path
) -> None:
    settings = tmp_path / "pgvigil.yaml"
    settings.write_text(
        f"state_dir: {tmp_path}\n"
        f"targets: [{{name: here, dsn: '{platform.conninfo}'}}]\n"
    )

    done = await invoked(
        "--config", str(settings), "--profiles", "20", "--messages", "50"
    )

    assert "20 profiles, 50 content items, 3 conversations, 50 messages" in done
    assert "triggers silent" in done
    assert "users: 20 of 20" in done
    assert await row(platform, COUNTS) == (1, 20, 50, 3, 50)


async def invoked(*arguments: str) -> str:
    result = await asyncio.to_thread(CliRunner().invoke, command, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_numbers_follow_from_what_is_asked() -> None:
    million = Population(
        profiles=1_000_000, messages=10_000_000, until=datetime(2026, 1, 1, tzinfo=UTC)
    )

    assert million.until.date() == date(2026, 1, 1)
    assert (million.organizations, million.items) == (4_000, 100_000)
    assert million.conversations == 500_000
