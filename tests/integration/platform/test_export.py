"""export_organization_data(): all of one organization, for those who may see all."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.integration.platform.exported import (
    CONTENT_COLUMNS,
    add_tenant,
    counted,
)
from tests.platform import (
    Connection,
    Platform,
    acting_as,
    add_organization,
    add_user,
)

pytestmark = pytest.mark.requirement("S6.1.2-a")

SECTIONS = {
    "users",
    "permissions",
    "repositories",
    "content",
    "versions",
    "assignments",
    "conversations",
}


async def export(connection: Connection, *arguments: object) -> dict[str, Any]:
    marks = ", ".join(["%s"] * len(arguments))
    cursor = await connection.execute(
        f"select public.export_organization_data({marks})".encode(), arguments
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def log(connection: Connection) -> list[Any]:
    cursor = await connection.execute(
        "select event, actor, actor_id, details - 'size_bytes'"
        " from monitoring.operations_log where event like 'organization%'"
        " order by id"
    )
    return await cursor.fetchall()


@pytest.mark.pg(">=15")
async def test_all_of_an_organization_is_exported(platform: Platform) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)

    exported = await export(owner, tenant.id)

    wanted = await counted(owner, tenant.id)
    messages = [m for c in exported["conversations"] for m in c["messages"]]
    found = {name: len(exported[name]) for name in SECTIONS}
    assert exported["id"] == str(tenant.id)
    assert exported["name"] == "acme"
    assert found | {"organization": 1, "messages": len(messages)} == wanted
    assert min(wanted.values()) == 1


async def test_search_vectors_are_left_out_and_nothing_else(platform: Platform) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)

    exported = await export(owner, tenant.id)

    cursor = await owner.execute(
        "select attname::text from pg_attribute"
        " where attrelid = 'public.content_items'::regclass"
        " and attnum > 0 and not attisdropped"
    )
    columns = {name for (name,) in await cursor.fetchall()}
    assert set(exported["content"][0]) == columns - {"search_vector"}
    assert len(exported["content"][0]) == CONTENT_COLUMNS


async def test_messages_are_in_order(platform: Platform) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    await owner.execute(
        "update public.conversation_messages set content = content || ' moved'"
        " where sequence_number = 1"
    )

    exported = await export(owner, tenant.id)

    numbers = [m["sequence_number"] for m in exported["conversations"][0]["messages"]]
    assert numbers == [1, 2, 3]


async def test_days_choose_the_conversations(platform: Platform) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)

    async def ids(*arguments: object) -> set[UUID]:
        exported = await export(owner, tenant.id, *arguments)
        return {UUID(c["id"]) for c in exported["conversations"]}

    assert await ids() == {tenant.recent}
    assert await ids(101) == {tenant.recent, tenant.old}
    assert await ids(None) == {tenant.recent, tenant.old}
    assert await ids(0) == set()
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        await ids(-1)


async def test_an_empty_organization_has_empty_sections(platform: Platform) -> None:
    organization = await add_organization(platform.owner, name="empty")

    exported = await export(platform.owner, organization)

    assert [exported[name] for name in SECTIONS] == [[]] * len(SECTIONS)


@pytest.mark.parametrize("organization", [uuid4(), None], ids=["unknown", "null"])
async def test_an_unknown_organization_is_an_error(
    platform: Platform, organization: UUID | None
) -> None:
    with pytest.raises(psycopg.errors.NoDataFound):
        await export(platform.owner, organization)

    assert await log(platform.owner) == []


@pytest.mark.pg(">=15")
@pytest.mark.parametrize("role", ["user", "manager", "content_creator", "admin"])
async def test_users_may_not_export(platform: Platform, role: str) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    user = await add_user(
        owner, email="u@acme.example", role=role, organization=tenant.id
    )

    async with acting_as(owner, user):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with owner.transaction():
                await export(owner, tenant.id)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with owner.transaction():
                await owner.execute(
                    "select app_private.log_export(%s, 'organization_exported', '{}')",
                    [tenant.id],
                )

    assert await log(owner) == []


async def test_neither_visitors_nor_inactive_super_admins_may_export(
    platform: Platform,
) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    former = await add_user(
        owner, email="former@x.example", role="super_admin", active=False
    )

    for user, role in ((None, "anon"), (None, "authenticated"), (former, "anon")):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with acting_as(owner, user, role):
                await export(owner, tenant.id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with acting_as(owner, former):
            await export(owner, tenant.id)


@pytest.mark.pg(">=15")
async def test_a_super_admin_exports_as_much_as_the_owner(
    platform: Platform, platform_by_tenant: Platform
) -> None:
    for owner in (platform.owner, platform_by_tenant.owner):
        tenant = await add_tenant(owner)
        user = await add_user(owner, email="root@x.example", role="super_admin")
        by_owner = await export(owner, tenant.id)

        async with acting_as(owner, user):
            by_user = await export(owner, tenant.id)
        async with acting_as(owner, None, "service_role"):
            by_service = await export(owner, tenant.id)

        assert by_user == by_owner
        assert by_service == by_owner


async def test_every_export_is_logged_with_who_asked(platform: Platform) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    user = await add_user(owner, email="root@x.example", role="super_admin")

    async with acting_as(owner, user):
        await export(owner, tenant.id, 30)
    async with acting_as(owner, None, "service_role"):
        await export(owner, tenant.id)

    details = {
        "via": "export_organization_data",
        "organization_id": str(tenant.id),
    }
    assert await log(owner) == [
        (
            "organization_exported",
            "authenticated",
            user,
            details | {"conversation_days": 30},
        ),
        (
            "organization_exported",
            "service_role",
            None,
            details | {"conversation_days": 90},
        ),
    ]


async def test_api_roles_cannot_write_the_log(platform: Platform) -> None:
    owner = platform.owner
    user = await add_user(owner, email="root@x.example", role="super_admin")

    for role in ("anon", "authenticated", "service_role"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with acting_as(owner, user, role):
                await owner.execute(
                    "insert into monitoring.operations_log (event) values ('x')"
                )
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        async with acting_as(owner, user):
            await owner.execute("select app_private.log_export(null, 'x', '{}')")


async def test_what_is_too_large_names_the_command(platform: Platform) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    await owner.execute("alter table public.content_items disable trigger user")
    await owner.execute(
        """
        insert into public.content_items (
            repository_id, title, content_data, created_by, organization_id
        )
        select
            r.id,
            'large',
            jsonb_build_object('text', repeat('large ', 3500000)),
            %s,
            %s
        from public.content_repositories as r
        cross join generate_series(1, 2) as n
        """,
        [tenant.author, tenant.id],
    )

    with pytest.raises(psycopg.errors.ConfigurationLimitExceeded) as raised:
        await export(owner, tenant.id)

    assert raised.value.diag.message_detail == (
        "Its rows have 200 MB, the limit is 200 MB."
    )
    assert f"pgvigil platform export org {tenant.id}" in str(
        raised.value.diag.message_hint
    )
    assert await log(owner) == []
