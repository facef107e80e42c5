"""What the policies' helpers answer, and what installing and removing them does."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from monitor.postgres.migrate import Migrator
from tests.integration.platform import privileges
from tests.integration.platform.policy_stage import PERSONS, Person, row_id, seed
from tests.platform import Connection, Platform, acting_as, session_to

PERMISSIONS = Path(__file__).with_name("permissions.txt")
RESOURCES = ("users", "content", "analytics", "system")
ACTIONS = ("create", "read", "update", "delete", "manage")
SCOPES = ("all", "organization", "department")


def person(name: str) -> Person:
    (found,) = [p for p in PERSONS if p.name == name]
    return found


async def rows(connection: Connection, query: str, *parameters: object) -> list[Any]:
    cursor = await connection.execute(query.encode(), parameters or None)
    return await cursor.fetchall()


async def scalar(connection: Connection, query: str) -> Any:
    ((value,),) = await rows(connection, query)
    return value


def matching(pattern: str) -> set[str]:
    """Return the permissions that a pattern of permissions.txt stands for."""
    parts = zip(pattern.split(":"), (RESOURCES, ACTIONS, SCOPES), strict=True)
    chosen = [
        every if part == "*" else tuple(part.strip("{}").split(","))
        for part, every in parts
    ]
    return {":".join(names) for names in product(*chosen)}


def listed_permissions() -> dict[str, set[str]]:
    lines = [
        line.partition("=")
        for line in PERMISSIONS.read_text().splitlines()
        if "=" in line and not line.startswith("#")
    ]
    return {
        name.strip(): set[str]().union(*map(matching, patterns.split()))
        for name, _, patterns in lines
    }


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S2.1.2-c", "S2.1.2-d", "S3-p7")
async def test_permissions_are_held_as_listed(platform: Platform) -> None:
    held: dict[str, set[str]] = {}
    async with platform.owner.transaction(force_rollback=True):
        await seed(platform.owner)
        for asking in PERSONS:
            # Nobody may ask this for anon, who has no business in app_private.
            async with acting_as(platform.owner, asking.id, "service_role"):
                found = await rows(
                    platform.owner,
                    """
                    select concat_ws(':', r, a, s)
                    from unnest(%s::text[]) as r, unnest(%s::text[]) as a,
                        unnest(%s::text[]) as s
                    where app_private.has_permission(r, a, s)
                    """,
                    list(RESOURCES),
                    list(ACTIONS),
                    list(SCOPES),
                )
            held[asking.name] = {permission for (permission,) in found}

    assert held == listed_permissions()


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S2.4.1-d", "S3.1.1-a", "S3.1.2-a", "S3.1.4-a", "S3-p7")
@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("user", (True, "acme", False, False)),
        ("admin", (True, "acme", True, False)),
        ("super", (True, None, True, True)),
        ("foreign", (True, "rival", False, False)),
        ("suspended", (True, None, False, False)),
        ("dormant", (True, None, False, False)),
        ("loner", (True, None, False, False)),
        ("inactive", (False, None, False, False)),
        ("stranger", (False, None, False, False)),
    ],
)
async def test_helpers_know_active_users_of_running_organizations(
    platform: Platform, name: str, answers: tuple[bool, str | None, bool, bool]
) -> None:
    asking = person(name).id
    async with platform.owner.transaction(force_rollback=True):
        await seed(platform.owner)
        async with acting_as(platform.owner, asking):
            given = await rows(
                platform.owner,
                """
                select
                    app_private.current_user_id() = %s is true,
                    (
                        select o.name from public.organizations as o
                        where o.id = app_private.current_user_org()
                    ),
                    app_private.is_admin(),
                    app_private.is_super_admin()
                """,
                asking,
            )

    assert given == [answers]


@pytest.mark.requirement("S3.1.1-a")
async def test_a_request_without_a_user_is_nobodys(platform: Platform) -> None:
    async with acting_as(platform.owner, None):
        found = await scalar(platform.owner, "select app_private.current_user_id()")

    assert found is None


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3.1.1-c")
async def test_an_admin_sees_all_profiles_without_recursion(
    platform_by_tenant: Platform, cluster_admin: Connection
) -> None:
    owner = platform_by_tenant.owner
    await seed(cluster_admin)
    every = await scalar(owner, "select count(*) from public.user_profiles")

    async with acting_as(owner, person("admin").id):
        seen = await scalar(owner, "select count(*) from public.user_profiles")
    async with acting_as(owner, person("user").id):
        own = await scalar(owner, "select count(*) from public.user_profiles")

    assert (seen, own) == (every, 1)


@pytest.fixture
async def cluster_admin(platform_by_tenant: Platform) -> Any:
    async with await psycopg.AsyncConnection.connect(
        platform_by_tenant.admin_conninfo, autocommit=True
    ) as connection:
        yield connection


async def items_of_third(connection: Connection, asking: UUID) -> list[str]:
    """Return the titles that somebody sees of an organization not their own."""
    async with acting_as(connection, asking):
        found = await rows(
            connection,
            "select title from public.content_items where organization_id = %s"
            " order by title",
            row_id("organizations", "third"),
        )
    return [title for (title,) in found]


@pytest.mark.requirement("S3.1.2-b", "S2.4.2-e")
async def test_assigned_content_is_seen_within_its_period_only(
    platform: Platform,
) -> None:
    async with platform.owner.transaction(force_rollback=True):
        await seed(platform.owner)
        for period in ("read", "comment", "edit", "manage", "later", "expired", "off"):
            await platform.owner.execute(
                "update public.content_items set title = %s where id = %s",
                [
                    f"mine {period}",
                    row_id("content_items", f"my_assigned_{period}", person("foreign")),
                ],
            )
        seen = await items_of_third(platform.owner, person("foreign").id)

    assert seen == ["mine comment", "mine edit", "mine manage", "mine read"]


@pytest.mark.requirement("S3.1.2-b")
async def test_colleagues_see_no_drafts_of_each_other(platform: Platform) -> None:
    async with platform.owner.transaction(force_rollback=True):
        await seed(platform.owner)
        async with acting_as(platform.owner, person("user").id):
            seen = await rows(
                platform.owner,
                "select distinct status::text from public.content_items"
                " where organization_id = %s and created_by <> %s",
                row_id("organizations", "acme"),
                person("user").id,
            )

    assert seen == [("published",)]


async def catalog(owner: Connection) -> list[Any]:
    return await rows(
        owner,
        "select polrelid::regclass::text, polname, polcmd::text,"
        " pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)"
        " from pg_policy order by 1, 2",
    )


@pytest.mark.requirement("S3-d", "X1")
async def test_installing_again_changes_no_policy(platform: Platform) -> None:
    before = await catalog(platform.owner)
    async with session_to(platform.conninfo) as session:
        applied = await Migrator(session, "platform").up()

    assert applied == ()
    assert await catalog(platform.owner) == before


@pytest.mark.requirement("S3-a", "S3-p8")
async def test_taking_the_policies_back_opens_nothing(platform: Platform) -> None:
    async with session_to(platform.conninfo) as session:
        await Migrator(session, "platform").down("001", confirm=True)
    async with platform.owner.transaction():
        unprotected = await privileges.unprotected(platform.owner)
        granted = await privileges.granted(platform.owner)

    assert await catalog(platform.owner) == []
    assert unprotected == []
    assert set(granted) <= set(privileges.expected())


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3-d")
async def test_policies_can_be_taken_back_and_installed_again(
    platform: Platform,
) -> None:
    before = await catalog(platform.owner)
    async with session_to(platform.conninfo) as session:
        await Migrator(session, "platform").down("001", confirm=True)
        await Migrator(session, "platform").up()

    assert await catalog(platform.owner) == before
