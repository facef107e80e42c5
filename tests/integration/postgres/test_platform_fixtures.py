"""What other tests of the platform rest on."""

from __future__ import annotations

import psycopg
import pytest

from tests.platform import Platform, acting_as, add_organization, add_user


async def seen(connection: psycopg.AsyncConnection[object]) -> object:
    cursor = await connection.execute(
        "select auth.uid(), auth.role(), current_user::text"
    )
    return await cursor.fetchone()


@pytest.mark.pg(">=15")
async def test_a_user_is_who_the_request_says(platform: Platform) -> None:
    organization = await add_organization(platform.owner, name="first")
    user = await add_user(
        platform.owner, email="a@example.org", organization=organization
    )

    async with acting_as(platform.owner, user):
        inside = await seen(platform.owner)

    assert inside == (user, "authenticated", "authenticated")
    assert await seen(platform.owner) == (None, None, "postgres")


async def test_acting_ends_with_its_block_in_a_larger_transaction(
    platform_by_tenant: Platform,
) -> None:
    owner = platform_by_tenant.owner

    async with owner.transaction(force_rollback=True):
        user = await add_user(owner, email="a@example.org", role="admin")
        async with acting_as(owner, user, "service_role"):
            inside = await seen(owner)
        outside = await seen(owner)

    assert inside == (user, "service_role", "service_role")
    assert outside == (None, None, "platform_tenant")
