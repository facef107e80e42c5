"""What an application asks for most: right for every user, and from indexes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from monitor.demo.population import Population, generate
from tests.platform import (
    Connection,
    Platform,
    acting_as,
    add_organization,
    add_user,
    session_to,
)

Row = dict[str, Any]
MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
MANY = Population(profiles=20_000, messages=20_000, until=MIDNIGHT)
BIG = {
    "content_assignments",
    "content_items",
    "conversation_messages",
    "conversations",
    "user_profiles",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Two organizations; `user` and `author` are in the first, `stranger` is not."""

    owner: Connection
    organization: UUID
    user: UUID
    author: UUID
    stranger: UUID


@pytest.fixture
async def stage(platform: Platform) -> Stage:
    owner = platform.owner
    here = await add_organization(owner, name="here")
    there = await add_organization(owner, name="there")
    made = Stage(
        owner,
        here,
        await add_user(owner, email="user@example.org", organization=here),
        await add_user(owner, email="author@example.org", organization=here),
        await add_user(owner, email="stranger@example.org", organization=there),
    )
    for user, name in ((made.author, "Ann Author"), (made.stranger, "Sam Stranger")):
        await owner.execute(
            "update public.user_profiles set full_name = %s, phone = '5' where id = %s",
            [name, user],
        )
    return made


async def add_item(
    stage: Stage,
    title: str,
    *,
    by: UUID | None = None,
    status: str = "published",
    repository: str = "videos",
    minutes_old: int = 0,
) -> UUID:
    """Add an item of the author's, or of another user, and return its id."""
    cursor = await stage.owner.execute(
        """
        insert into public.content_items
            (repository_id, title, status, created_by, organization_id, updated_at)
        select r.id, %(title)s, %(status)s, p.id, p.organization_id, %(moment)s
        from public.content_repositories as r, public.user_profiles as p
        where r.name = %(repository)s and p.id = %(creator)s
        returning id
        """,
        {
            "title": title,
            "status": status,
            "moment": MIDNIGHT - timedelta(minutes=minutes_old),
            "repository": repository,
            "creator": by or stage.author,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def assign(
    stage: Stage,
    item: UUID,
    *,
    user: UUID | None = None,
    organization: UUID | None = None,
    hours: int = 1,
) -> None:
    """Assign an item until so many hours from now."""
    await stage.owner.execute(
        """
        insert into public.content_assignments
            (content_item_id, user_id, organization_id, assigned_by, assignment_type,
            starts_at, expires_at)
        values (%s, %s, %s, %s, 'required', now() - interval '9 hours',
            now() + %s * interval '1 hour')
        """,
        [item, user, organization, stage.author, hours],
    )


async def listed(stage: Stage, user: UUID | None, **arguments: object) -> list[Row]:
    """Return what `list_content` gives a user."""
    async with (
        acting_as(stage.owner, user),
        stage.owner.cursor(row_factory=dict_row) as cursor,
    ):
        await cursor.execute(
            "select l.* from public.list_content(%s, %s, %s) as l",
            [
                arguments.get("repository"),
                arguments.get("limit", 50),
                arguments.get("cursor"),
            ],
        )
        return await cursor.fetchall()


async def dashboard(stage: Stage, user: UUID | None) -> Row:
    async with acting_as(stage.owner, user):
        cursor = await stage.owner.execute("select public.user_dashboard()")
        row = await cursor.fetchone()
    assert row is not None
    return row[0]


def titles(rows: list[Row]) -> list[str]:
    return [row["title"] for row in rows]


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S4.2.1-b")
async def test_an_item_assigned_twice_is_listed_once(stage: Stage) -> None:
    item = await add_item(stage, "twice")
    await add_item(stage, "never", minutes_old=1)
    await assign(stage, item, user=stage.user)
    await assign(stage, item, organization=stage.organization)

    rows = await listed(stage, stage.user)

    assert [(r["title"], r["is_assigned"]) for r in rows] == [
        ("twice", True),
        ("never", False),
    ]


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S4.2.1-b")
async def test_a_creator_is_named_whose_profile_is_closed(stage: Stage) -> None:
    await add_item(stage, "an item")

    rows = await listed(stage, stage.user)
    async with acting_as(stage.owner, stage.user):
        cursor = await stage.owner.execute("select id from public.user_profiles")
        profiles = await cursor.fetchall()

    assert [(r["created_by"], r["creator_name"]) for r in rows] == [
        (stage.author, "Ann Author")
    ]
    assert profiles == [(stage.user,)]
    assert not {"email", "phone", "role"} & set(rows[0])


@pytest.mark.requirement("S4.2.1-b")
async def test_only_what_is_published_or_assigned_is_listed(stage: Stage) -> None:
    await add_item(stage, "own", minutes_old=1)
    await add_item(stage, "draft", status="draft")
    await add_item(stage, "foreign", by=stage.stranger)
    assigned = await add_item(stage, "lent", by=stage.stranger, minutes_old=2)
    expired = await add_item(stage, "was lent", by=stage.stranger)
    await assign(stage, assigned, organization=stage.organization)
    await assign(stage, expired, user=stage.user, hours=-1)

    rows = await listed(stage, stage.user)

    assert [(r["title"], r["creator_name"], r["is_assigned"]) for r in rows] == [
        ("own", "Ann Author", False),
        ("lent", "Sam Stranger", True),
    ]


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S4.2.1-b")
async def test_pages_follow_each_other_without_gap_or_repetition(stage: Stage) -> None:
    # Three at each moment: the moment alone would not tell them apart.
    for number in range(12):
        by = stage.stranger if number % 4 == 0 else stage.author
        item = await add_item(stage, str(number), by=by, minutes_old=number // 3)
        if by == stage.stranger:
            await assign(stage, item, user=stage.user)
    everything = await listed(stage, stage.user)

    pages: list[list[Row]] = [await listed(stage, stage.user, limit=5)]
    while pages[-1]:
        last = pages[-1][-1]["next_cursor"]
        pages.append(await listed(stage, stage.user, limit=5, cursor=last))

    assert [len(page) for page in pages] == [5, 5, 2, 0]
    assert len(everything) == 12
    assert titles(everything) == [title for page in pages for title in titles(page)]


async def test_a_cursor_means_the_same_in_any_time_zone(stage: Stage) -> None:
    await add_item(stage, "first")
    await add_item(stage, "second", minutes_old=1)
    await stage.owner.execute("set timezone = 'Pacific/Auckland'")
    first = await listed(stage, stage.user, limit=1)
    await stage.owner.execute("set timezone = 'America/New_York'")

    second = await listed(stage, stage.user, cursor=first[0]["next_cursor"])

    assert (titles(first), titles(second)) == (["first"], ["second"])


async def test_a_cursor_that_is_none_is_refused(stage: Stage) -> None:
    with pytest.raises(psycopg.errors.DataError):
        await listed(stage, stage.user, cursor="yesterday")


async def test_a_repository_can_be_asked_for(stage: Stage) -> None:
    await add_item(stage, "film", repository="videos")
    await add_item(stage, "book", repository="documents")

    assert titles(await listed(stage, stage.user, repository="documents")) == ["book"]
    assert titles(await listed(stage, stage.user, repository="nothing")) == []


@pytest.mark.parametrize(("limit", "rows"), [(-5, 1), (0, 1), (3, 3), (None, 4)])
async def test_a_limit_is_brought_into_its_bounds(
    stage: Stage, limit: int | None, rows: int
) -> None:
    for number in range(4):
        await add_item(stage, str(number))

    assert len(await listed(stage, stage.user, limit=limit)) == rows


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S4.2.1-a")
async def test_a_dashboard_without_anything_has_empty_lists(stage: Stage) -> None:
    board = await dashboard(stage, stage.user)

    assert board == {
        "user_info": {
            "id": str(stage.user),
            "organization_id": str(stage.organization),
            "role": "user",
        },
        "recent_conversations": [],
        "assigned_content": [],
    }


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S4.2.1-a")
async def test_a_dashboard_shows_the_newest_first(stage: Stage) -> None:
    for user in (stage.user, stage.author):
        await stage.owner.execute(
            """
            insert into public.conversations (user_id, title, status, last_message_at)
            select
                %s,
                n::text,
                case n when 3 then 'archived' else 'active' end
                    ::public.conversation_status,
                now() - n * interval '1 minute'
            from pg_catalog.generate_series(1, 15) as n
            """,
            [user],
        )
    older = await add_item(stage, "to me", by=stage.stranger, minutes_old=9)
    newer = await add_item(stage, "to us", by=stage.stranger)
    expired = await add_item(stage, "expired")
    await assign(stage, older, user=stage.user)
    await assign(stage, newer, organization=stage.organization)
    await assign(stage, expired, user=stage.user, hours=-1)

    board = await dashboard(stage, stage.user)

    recent = [c["title"] for c in board["recent_conversations"]]
    assert recent == ["1", "2", "4", "5", "6", "7", "8", "9", "10", "11"]
    assert [i["title"] for i in board["assigned_content"]] == ["to us", "to me"]


@pytest.mark.requirement("S4.2.1-a", "S4.2.1-b")
async def test_a_deactivated_user_gets_nothing(stage: Stage) -> None:
    item = await add_item(stage, "an item")
    await assign(stage, item, user=stage.user)
    await stage.owner.execute(
        "update public.user_profiles set is_active = false where id = %s", [stage.user]
    )

    assert await listed(stage, stage.user) == []
    assert await dashboard(stage, stage.user) == {
        "user_info": None,
        "recent_conversations": [],
        "assigned_content": [],
    }


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S4.2.1-a", "S4.2.1-b")
@pytest.mark.parametrize("call", ["public.user_dashboard()", "public.list_content()"])
async def test_nobody_else_may_ask(stage: Stage, call: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with acting_as(stage.owner, None, "anon"):
            await stage.owner.execute(f"select {call}".encode())


@pytest.fixture
async def plans(platform: Platform) -> AsyncIterator[tuple[Connection, list[Row]]]:
    """Return a filled platform's connection, and the plans of what runs on it.

    The plans within functions, too: auto_explain tells them to the client.
    """
    async with session_to(platform.conninfo) as session:
        await generate(session, MANY, silent)
    seen: list[Row] = []

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        text = diagnostic.message_primary or ""
        if "plan:" in text:
            seen.append(json.loads(text[text.index("{") :])["Plan"])

    async with await psycopg.AsyncConnection.connect(
        platform.admin_conninfo, autocommit=True
    ) as connection:
        await connection.execute("load 'auto_explain'")
        await connection.execute(
            """
            set auto_explain.log_min_duration = 0;
            set auto_explain.log_nested_statements = on;
            set auto_explain.log_format = json;
            set auto_explain.log_level = notice;
            """
        )
        connection.add_notice_handler(note)
        yield connection, seen


def silent(what: str, done: int, total: int) -> None:
    del what, done, total


def nodes(plan: Row, parent: str = "") -> Iterator[tuple[Row, str]]:
    """Yield each node of a plan with the type of the one above it."""
    yield plan, parent
    for below in plan.get("Plans", ()):
        yield from nodes(below, plan["Node Type"])


async def ordinary(connection: Connection) -> UUID:
    """Return a user with a conversation and an assignment, who is no more than that."""
    cursor = await connection.execute(
        """
        select p.id
        from public.user_profiles as p
        where
            p.role = 'user'
            and p.is_active
            and exists (select from public.conversations as c where c.user_id = p.id)
            and exists (
                select from public.content_assignments as a where a.user_id = p.id
            )
        order by p.id
        limit 1
        """
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S4.2.1-a", "S4.2.1-b")
@pytest.mark.parametrize(
    ("call", "index"),
    [
        ("public.user_dashboard()", "idx_conversations_user_recent"),
        ("public.list_content()", "idx_content_items_org_updated"),
        ("public.list_content('videos', 20)", "idx_content_items_org_updated"),
    ],
)
async def test_order_and_rows_come_from_indexes(
    plans: tuple[Connection, list[Row]], call: str, index: str
) -> None:
    connection, seen = plans
    user = await ordinary(connection)
    # Where there is little to sort, sorting is as good.
    await connection.execute(
        "update public.content_items set organization_id ="
        " (select organization_id from public.user_profiles where id = %s)",
        [user],
    )
    await connection.execute("analyze public.content_items")
    seen.clear()

    async with acting_as(connection, user):
        await connection.execute(f"select {call}".encode())

    read = [found for plan in seen for found in nodes(plan)]
    scanned = {n["Relation Name"] for n, _ in read if n["Node Type"] == "Seq Scan"}
    ordering = [parent for n, parent in read if n.get("Index Name") == index]
    assert scanned & BIG == set()
    assert ordering == ["Limit"]
