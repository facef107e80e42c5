"""Content: versions, the order of its status, search, assignments, authors."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.integration.platform.rows import (
    add_child,
    add_item,
    refused,
    rows,
    scalar,
    until_blocked,
)
from tests.platform import Connection, Platform, acting_as, add_user

pytestmark = pytest.mark.pg(">=15")

STATUSES = ("draft", "review", "approved", "published", "archived")
LISTED = {
    ("draft", "review"),
    ("review", "draft"),
    ("review", "approved"),
    ("review", "published"),
    ("approved", "published"),
    ("approved", "draft"),
    ("published", "archived"),
    ("archived", "draft"),
}
CHANGES = {(a, b) for a, b in product(STATUSES, STATUSES) if a != b}
SET_STATUS: LiteralString = (
    "update public.content_items set status = %s where id = %s returning id"
)


@pytest.fixture
async def owner(platform: Platform) -> Connection:
    return platform.owner


@pytest.fixture
async def organization(owner: Connection) -> UUID:
    return await add_child(owner, "first")


@pytest.fixture
async def author(owner: Connection, organization: UUID) -> UUID:
    return await add_user(
        owner,
        email="author@x.com",
        role="content_creator",
        organization=organization,
    )


@pytest.mark.requirement("S2.2.2-d")
async def test_replaced_content_is_kept_as_a_version(
    owner: Connection, author: UUID
) -> None:
    await add_item(owner, author)

    await owner.execute("update public.content_items set title = 'Second'")
    await owner.execute(
        "update public.content_items set description = 'more', metadata = '{\"a\": 1}'"
    )

    assert await rows(owner, "select version, title from public.content_items") == [
        (3, "Second")
    ]
    assert await rows(
        owner,
        "select version_number, title, description, metadata, change_summary,"
        " created_by from public.content_versions order by 1",
    ) == [
        (1, "A title", None, {}, "Replaced: title.", author),
        (2, "Second", None, {}, "Replaced: description, metadata.", author),
    ]


@pytest.mark.requirement("S2.2.2-d")
async def test_other_changes_make_no_version(owner: Connection, author: UUID) -> None:
    await add_item(owner, author)

    await owner.execute(
        "update public.content_items set status = 'review', title = title, version = 9"
    )

    assert await scalar(owner, "select version from public.content_items") == 1
    assert await scalar(owner, "select count(*) from public.content_versions") == 0


@pytest.mark.requirement("S2.2.2-d", "S2.2.3-a")
async def test_a_version_names_who_replaced_it_and_stays(
    owner: Connection, author: UUID
) -> None:
    await add_item(owner, author)
    editor = await add_user(owner, email="root@x.com", role="super_admin")

    async with acting_as(owner, editor):
        await owner.execute("update public.content_items set title = 'Better'")
    async with (
        acting_as(owner, author),
        refused(owner, psycopg.errors.InsufficientPrivilege),
    ):
        await owner.execute("update public.content_versions set title = 'x'")

    assert await rows(owner, "select created_by from public.content_versions") == [
        (editor,)
    ]


@pytest.mark.requirement("S2.2.2-d")
async def test_concurrent_changes_number_without_gaps(
    platform: Platform, author: UUID
) -> None:
    await add_item(platform.owner, author)

    async def change(number: int) -> None:
        async with await psycopg.AsyncConnection.connect(
            platform.conninfo, autocommit=True
        ) as connection:
            await connection.execute(
                "update public.content_items set title = %s", [f"title {number}"]
            )

    await asyncio.gather(*map(change, range(8)))

    assert await rows(
        platform.owner,
        "select version_number from public.content_versions order by 1",
    ) == [(number,) for number in range(1, 9)]


async def allowed(
    db: Connection, author: UUID, organization: UUID, actor: UUID | None
) -> set[tuple[str, str]]:
    """Return which changes of status an actor, or the system, may make."""
    done: set[tuple[str, str]] = set()
    for before, after in sorted(CHANGES):
        async with db.transaction(force_rollback=True):
            item = await add_item(db, author, status=before, organization=organization)
            if actor is None:
                changed = await attempt(db, item, after)
            else:
                async with acting_as(db, actor):
                    changed = await attempt(db, item, after)
            if changed:
                done.add((before, after))
    return done


async def attempt(db: Connection, item: UUID, status: str) -> bool:
    try:
        async with db.transaction():
            return bool(await rows(db, SET_STATUS, status, item))
    except (psycopg.errors.CheckViolation, psycopg.errors.InsufficientPrivilege):
        return False


@pytest.mark.requirement("S2.2.2-e")
async def test_the_system_keeps_to_the_order(
    owner: Connection, author: UUID, organization: UUID
) -> None:
    assert await allowed(owner, author, organization, None) == LISTED


@pytest.mark.requirement("S2.2.2-e")
async def test_a_super_admin_may_make_any_change(
    owner: Connection, author: UUID, organization: UUID
) -> None:
    root = await add_user(owner, email="root@x.com", role="super_admin")

    assert await allowed(owner, author, organization, root) == CHANGES


@pytest.mark.requirement("S2.2.2-e")
@pytest.mark.parametrize("action", ["update", "manage"])
async def test_a_permitted_editor_may_make_listed_changes(
    owner: Connection, author: UUID, organization: UUID, action: str
) -> None:
    editor = await add_user(
        owner, email="editor@x.com", role="manager", organization=organization
    )
    await owner.execute(
        "insert into public.admin_permissions (user_id, resource, action)"
        " values (%s, 'content', %s), (%s, 'content', 'read')",
        [editor, action, editor],
    )

    assert await allowed(owner, author, organization, editor) == LISTED


@pytest.mark.requirement("S2.2.2-e", "S2.1.2-d")
@pytest.mark.parametrize(
    ("department", "changes"), [("sales", LISTED), ("legal", set[tuple[str, str]]())]
)
async def test_a_permission_for_a_department_ends_with_it(
    owner: Connection,
    author: UUID,
    organization: UUID,
    department: str,
    changes: set[tuple[str, str]],
) -> None:
    editor = await add_user(
        owner, email="editor@x.com", role="manager", organization=organization
    )
    await owner.execute(
        "update public.user_profiles set department = 'sales' where id = %s", [editor]
    )
    await owner.execute(
        "update public.user_profiles set department = %s where id = %s",
        [department, author],
    )
    await owner.execute(
        "insert into public.admin_permissions (user_id, resource, action, scope)"
        " values (%s, 'content', 'update', 'department'),"
        " (%s, 'content', 'read', 'organization')",
        [editor, editor],
    )

    assert await allowed(owner, author, organization, editor) == changes


@pytest.mark.requirement("S2.2.2-e")
async def test_an_author_alone_never_publishes(
    owner: Connection, author: UUID, organization: UUID
) -> None:
    done = await allowed(owner, author, organization, author)

    assert done <= LISTED
    assert {after for _, after in done} == {"draft", "review"}


@pytest.mark.requirement("S2.2.2-e")
async def test_a_new_item_is_published_only_with_permission(
    owner: Connection, author: UUID, organization: UUID
) -> None:
    async with acting_as(owner, author):
        for status in ("approved", "published"):
            async with refused(owner, psycopg.errors.InsufficientPrivilege):
                await add_item(owner, author, status=status, organization=organization)
        await add_item(owner, author, status="review", organization=organization)

    assert await rows(owner, "select status from public.content_items") == [("review",)]


@pytest.mark.requirement("S2.2.2-e")
async def test_the_first_publication_is_kept(owner: Connection, author: UUID) -> None:
    item = await add_item(owner, author, status="review")
    moments: list[object] = []

    for status in ("published", "archived", "draft", "review", "published"):
        await owner.execute(SET_STATUS, [status, item])
        moments.append(
            await scalar(owner, "select published_at from public.content_items")
        )
    await owner.execute("update public.content_items set published_at = null")

    assert isinstance(moments[0], datetime)
    assert moments == [moments[0]] * 5
    assert (
        await scalar(owner, "select published_at from public.content_items")
        == moments[0]
    )


@pytest.mark.requirement("S2.2.2-c")
async def test_long_content_is_stored_and_found(
    owner: Connection, author: UUID
) -> None:
    for title, description, text in (
        ("heron", "", "x"),
        ("none", "a heron", "x"),
        ("none", "", "heron " + "word" * 500_000),
    ):
        await owner.execute(
            "insert into public.content_items (repository_id, title, description,"
            " content_data, created_by) select r.id, %s, %s,"
            " pg_catalog.jsonb_build_object('text', %s::text), %s"
            " from public.content_repositories as r where r.name = 'documents'",
            [title, description, text, author],
        )

    ranked = await rows(
        owner,
        "select title, description from public.content_items,"
        " to_tsquery('english', 'heron') as q where search_vector @@ q"
        " order by ts_rank(search_vector, q) desc",
    )

    assert ranked == [("heron", ""), ("none", "a heron"), ("none", "")]


@pytest.mark.requirement("S5.1.1-c", "S5.1.1-d")
async def test_titles_and_versions_have_bounds(owner: Connection, author: UUID) -> None:
    item = await add_item(owner, author)
    update = "update public.content_items set title = %s where id = %s"

    for title in ("a", "a" * 500, "  a  "):
        await owner.execute(update, [title, item])
    for title in ("", "   ", "a" * 501):
        async with refused(
            owner, psycopg.errors.CheckViolation, "chk_content_title_length"
        ):
            await owner.execute(update, [title, item])
    async with refused(
        owner, psycopg.errors.CheckViolation, "chk_content_version_positive"
    ):
        await owner.execute(
            "insert into public.content_items (repository_id, title, version,"
            " created_by) select repository_id, title, 0, created_by"
            " from public.content_items"
        )


@pytest.mark.requirement("S2.2.2-f", "S2.4.2-f")
async def test_an_author_is_deleted_after_handing_over(
    owner: Connection, author: UUID
) -> None:
    heir = await add_user(owner, email="heir@x.com")
    item = await add_item(owner, author)
    await owner.execute("update public.content_items set title = 'Second'")
    await assign(owner, item, author, user_id=heir)
    reassign: LiteralString = "select * from monitoring.reassign_user_content(%s, %s)"

    async with refused(owner, psycopg.errors.ForeignKeyViolation):
        await owner.execute("delete from auth.users where id = %s", [author])
    async with refused(owner, psycopg.errors.NoDataFound):
        await owner.execute(reassign, [author, uuid4()])
    async with refused(owner, psycopg.errors.InvalidParameterValue):
        await owner.execute(reassign, [author, author])
    changed = await rows(owner, reassign, author, heir)
    await owner.execute("delete from auth.users where id = %s", [author])

    assert changed == [
        ("public.content_items", 1),
        ("public.content_versions", 1),
        ("public.content_assignments", 1),
    ]
    assert await rows(
        owner,
        "select details ->> 'from', details ->> 'to' from monitoring.operations_log"
        " where event = 'user_content_reassigned'",
    ) == [(str(author), str(heir))]


async def assign(
    db: Connection,
    item: UUID,
    assigner: UUID,
    period: tuple[datetime | None, datetime | None] = (None, None),
    /,
    **target: UUID,
) -> UUID:
    return await scalar(
        db,
        "insert into public.content_assignments (content_item_id, assigned_by,"
        " user_id, organization_id, assignment_type, starts_at, expires_at)"
        " values (%s, %s, %s, %s, 'optional', %s, %s) returning id",
        item,
        assigner,
        target.get("user_id"),
        target.get("organization_id"),
        *period,
    )


@pytest.mark.requirement("S2.4.2-b", "S2.4.2-c", "S2.4.2-d")
async def test_an_assignment_has_one_target_once(
    owner: Connection, author: UUID, organization: UUID
) -> None:
    item = await add_item(owner, author)
    both = {"user_id": author, "organization_id": organization}

    for targets in (both, {}):
        async with refused(
            owner, psycopg.errors.CheckViolation, "chk_assignment_exactly_one_target"
        ):
            await assign(owner, item, author, **targets)
    for column, target in both.items():
        await assign(owner, item, author, **{column: target})
        async with refused(owner, psycopg.errors.UniqueViolation):
            await assign(owner, item, author, **{column: target})
    await owner.execute("update public.content_assignments set is_active = false")
    await assign(owner, item, author, user_id=author)

    assert await rows(
        owner,
        "select access_level, count(*) from public.content_assignments group by 1",
    ) == [("read", 3)]


@pytest.mark.requirement("S2.4.2-e")
async def test_assignments_expire(owner: Connection, author: UUID) -> None:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    item, other = await add_item(owner, author), await add_item(owner, author)
    past = await assign(owner, item, author, (None, now - hour), user_id=author)
    await assign(owner, other, author, (None, now + hour), user_id=author)

    async with refused(owner, psycopg.errors.CheckViolation, "chk_assignment_period"):
        await assign(owner, item, author, (now, now - hour), user_id=author)
    counts = [
        await scalar(owner, "select monitoring.expire_assignments()") for _ in range(2)
    ]

    assert counts == [1, 0]
    assert await rows(
        owner, "select id from public.content_assignments where not is_active"
    ) == [(past,)]


@pytest.mark.requirement("S5.1.2-a")
async def test_only_what_is_in_use_is_assigned(owner: Connection, author: UUID) -> None:
    item = await add_item(owner, author)
    archived = await add_item(owner, author, status="archived")
    closed = await add_child(owner, "closed")
    await owner.execute(
        "update public.organizations set status = 'suspended' where id = %s", [closed]
    )

    async with refused(
        owner, psycopg.errors.CheckViolation, "chk_assignment_content_available"
    ):
        await assign(owner, archived, author, user_id=author)
    async with refused(
        owner, psycopg.errors.CheckViolation, "chk_assignment_organization_active"
    ):
        await assign(owner, item, author, organization_id=closed)
    for user in (author, uuid4()):
        async with refused(owner, psycopg.errors.ForeignKeyViolation):
            await assign(owner, uuid4(), author, user_id=user)


@pytest.mark.requirement("S5.1.2-a")
async def test_an_assignment_ends_whatever_became_of_its_item(
    owner: Connection, author: UUID
) -> None:
    item = await add_item(owner, author, status="published")
    await assign(
        owner,
        item,
        author,
        (None, datetime.now(UTC) - timedelta(days=1)),
        user_id=author,
    )
    await owner.execute(SET_STATUS, ["archived", item])

    await owner.execute("select monitoring.expire_assignments()")

    async with refused(
        owner, psycopg.errors.CheckViolation, "chk_assignment_content_available"
    ):
        await owner.execute("update public.content_assignments set is_active = true")


@pytest.mark.requirement("S5.1.2-a")
async def test_a_request_assigns_within_the_scope_of_its_assigner(
    owner: Connection, author: UUID, organization: UUID
) -> None:
    below = await add_child(owner, "below", organization)
    beside = await add_child(owner, "beside")
    manager = await add_user(
        owner, email="m@x.com", role="manager", organization=organization
    )
    stranger = await add_user(owner, email="s@x.com", organization=beside)
    item = await add_item(owner, author, organization=organization, status="published")
    await owner.execute(
        "insert into public.admin_permissions (user_id, resource, action)"
        " values (%s, 'content', 'manage')",
        [manager],
    )

    async with acting_as(owner, manager):
        await assign(owner, item, manager, user_id=author)
        await assign(owner, item, manager, organization_id=organization)
        for target in (
            {"user_id": stranger},
            {"organization_id": beside},
        ):
            async with refused(
                owner, psycopg.errors.CheckViolation, "chk_assignment_scope"
            ):
                await assign(owner, item, manager, **target)
    in_scope = [
        await scalar(
            owner,
            "select app_private.is_assigner_in_scope(%s, null, %s)",
            manager,
            target,
        )
        for target in (organization, below, beside)
    ]

    assert in_scope == [True, True, False]


@pytest.mark.requirement("S5.1.2-a")
async def test_an_item_deleted_meanwhile_is_not_assigned(
    platform: Platform, author: UUID
) -> None:
    item = await add_item(platform.owner, author)

    async def assigned() -> type[Exception] | None:
        async with await psycopg.AsyncConnection.connect(
            platform.conninfo, autocommit=True
        ) as connection:
            try:
                await assign(connection, item, author, user_id=author)
            except psycopg.errors.ForeignKeyViolation as error:
                return type(error)
        return None

    async with platform.owner.transaction():
        await platform.owner.execute("delete from public.content_items")
        task = asyncio.create_task(assigned())
        await until_blocked(platform.owner)

    assert await task is psycopg.errors.ForeignKeyViolation


@pytest.mark.requirement("S2.4.2-f")
async def test_an_account_goes_with_what_it_was_assigned(
    owner: Connection, author: UUID
) -> None:
    user = await add_user(owner, email="u@x.com")
    item = await add_item(owner, author)
    await assign(owner, item, author, user_id=user)

    await owner.execute("delete from auth.users where id = %s", [user])

    assert await scalar(owner, "select count(*) from public.content_assignments") == 0
