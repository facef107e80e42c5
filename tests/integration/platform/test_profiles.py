"""Profiles: they follow accounts, and their constraints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from monitor.postgres.migrate import Migrator
from tests.integration.platform.rows import refused, rows, scalar
from tests.platform import (
    Connection,
    Platform,
    acting_as,
    add_organization,
    add_user,
    session_to,
)

pytestmark = pytest.mark.pg(">=15")


@pytest.fixture
async def owner(platform: Platform) -> Connection:
    return platform.owner


async def sign_up(db: Connection, email: str | None, **metadata: object) -> UUID:
    return await scalar(
        db,
        "insert into auth.users (id, email, raw_user_meta_data) values (%s, %s, %s)"
        " returning id",
        uuid4(),
        email,
        Jsonb(metadata),
    )


@pytest.mark.requirement("S2.1.1-e")
async def test_a_sign_up_makes_a_profile(owner: Connection) -> None:
    user = await sign_up(
        owner,
        "Ann@Example.org",
        full_name="Ann",
        avatar_url="https://example.org/a.png",
        role="super_admin",
        organization_id=str(uuid4()),
    )

    assert await rows(
        owner,
        "select id, email, full_name, avatar_url, role, organization_id, is_active"
        " from public.user_profiles",
    ) == [
        (
            user,
            "ann@example.org",
            "Ann",
            "https://example.org/a.png",
            "user",
            None,
            True,
        )
    ]


@pytest.mark.requirement("S2.1.1-e")
async def test_a_profile_follows_address_and_sign_in(owner: Connection) -> None:
    user = await sign_up(owner, "ann@example.org", full_name="Ann")
    at = datetime(2026, 5, 1, tzinfo=UTC)
    await owner.execute("update public.user_profiles set full_name = 'Dr. Ann'")

    await owner.execute(
        "update auth.users set email = 'New@example.org', last_sign_in_at = %s,"
        ' raw_user_meta_data = \'{"role": "super_admin"}\' where id = %s',
        [at, user],
    )

    assert await rows(
        owner,
        "select email, full_name, role, last_login_at from public.user_profiles",
    ) == [("new@example.org", "Dr. Ann", "user", at)]


@pytest.mark.requirement("S2.1.1-d", "S2.1.1-e")
async def test_an_account_without_an_address_gets_its_profile_with_it(
    owner: Connection,
) -> None:
    user = await sign_up(owner, None)
    before = await rows(owner, "select id from public.user_profiles")

    await owner.execute("update auth.users set email = 'late@example.org'")

    assert before == []
    assert await rows(owner, "select id from public.user_profiles") == [(user,)]


@pytest.mark.requirement("S2.1.1-e")
async def test_a_failing_profile_never_stops_the_sign_up(owner: Connection) -> None:
    user = await sign_up(owner, "no address")

    assert await rows(owner, "select id from auth.users") == [(user,)]
    assert await rows(owner, "select id from public.user_profiles") == []
    assert await rows(
        owner,
        "select event, actor_id, details ->> 'sqlstate', reason like '%%address%%'"
        " from monitoring.operations_log where event = 'profile_failed'",
    ) == [("profile_failed", user, "23514", False)]


@pytest.mark.requirement("S2.1.1-e", "S2.1.1-a")
async def test_another_role_may_sign_users_up(platform_by_tenant: Platform) -> None:
    async with await psycopg.AsyncConnection.connect(
        platform_by_tenant.admin_conninfo, autocommit=True
    ) as admin:
        await admin.execute("set role auth_service")
        await sign_up(admin, "ann@example.org")

    assert await rows(
        platform_by_tenant.owner, "select email from public.user_profiles"
    ) == [("ann@example.org",)]


@pytest.mark.requirement("S2.1.1-a")
async def test_nothing_in_auth_remains_after_the_way_back(
    platform_by_tenant: Platform,
) -> None:
    async with session_to(platform_by_tenant.conninfo) as session:
        await Migrator(session, "platform").down("none", confirm=True)

    assert (
        await rows(
            platform_by_tenant.owner,
            "select tgname from pg_catalog.pg_trigger"
            " where tgrelid = 'auth.users'::regclass and not tgisinternal",
        )
        == []
    )


@pytest.mark.requirement("S2.1.1-d")
async def test_an_address_is_unique_in_any_case(owner: Connection) -> None:
    await sign_up(owner, "a@x.com")
    other = await sign_up(owner, None)

    async with refused(
        owner, psycopg.errors.UniqueViolation, "user_profiles_email_key"
    ):
        await owner.execute(
            "insert into public.user_profiles (id, email) values (%s, 'A@x.com')",
            [other],
        )


@pytest.mark.requirement("S5.1.1-a")
async def test_addresses_that_are_none_are_refused(owner: Connection) -> None:
    user = await sign_up(owner, "a@x.com")
    update = "update public.user_profiles set email = %s where id = %s"

    for email in ("o'brien@example.com", "jürgen@exämple.de", "a+b@x.y.z"):
        await owner.execute(update, [email, user])
    for email in ("", "a", "a@b", "a@@b.c", "a b@c.de", "a@b c.de", "a@.de", "@b.de"):
        async with refused(
            owner, psycopg.errors.CheckViolation, "chk_user_email_format"
        ):
            await owner.execute(update, [email, user])


@pytest.mark.requirement("S5.1.1-b", "S2.1.1-h")
async def test_time_zones_are_those_the_server_knows(owner: Connection) -> None:
    user = await sign_up(owner, "a@x.com")
    update = "update public.user_profiles set timezone = %s where id = %s"

    async with acting_as(owner, user):
        for zone in ("Europe/Zagreb", None, "UTC"):
            await owner.execute(update, [zone, user])
    for zone in ("Mars/Base", "", "europe/zagreb"):
        async with refused(
            owner, psycopg.errors.CheckViolation, "chk_user_timezone_valid"
        ):
            await owner.execute(update, [zone, user])


@pytest.mark.requirement("S2.1.1-f")
@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("organizations", "display_name = 'other'"),
        ("user_profiles", "full_name = 'other'"),
        ("content_items", "status = 'review'"),
        ("content_assignments", "access_level = 'edit'"),
    ],
)
async def test_updated_at_moves_only_when_a_row_differs(
    owner: Connection, table: str, change: LiteralString
) -> None:
    organization = await add_organization(owner, name="first")
    user = await add_user(owner, email="a@x.com", organization=organization)
    await owner.execute(
        "with item as (insert into public.content_items (repository_id, title,"
        " created_by) select r.id, 'title', %(user)s from public.content_repositories"
        " as r where r.name = 'videos' returning id) select id from item",
        {"user": user},
    )
    await owner.execute(
        "insert into public.content_assignments (content_item_id, user_id,"
        " assigned_by, assignment_type) select id, %(user)s, %(user)s, 'optional'"
        " from public.content_items",
        {"user": user},
    )
    moment = sql.SQL("select updated_at from public.{}").format(sql.Identifier(table))

    async def after(text: LiteralString) -> datetime:
        query = sql.SQL("update public.{} set {}").format(
            sql.Identifier(table),
            sql.SQL(text),
        )
        await owner.execute(query)
        row = await (await owner.execute(moment)).fetchone()
        assert row is not None
        return row[0]

    first = await after("id = id")
    same = await after("id = id, updated_at = updated_at")
    changed = await after(change)

    assert first == same
    assert changed > same


@pytest.mark.requirement("S2.1.1-f")
async def test_the_condition_of_content_names_every_column(owner: Connection) -> None:
    trigger = await scalar(
        owner,
        "select pg_catalog.pg_get_triggerdef(oid) from pg_catalog.pg_trigger"
        " where tgrelid = 'public.content_items'::regclass"
        " and tgname = 'trg_updated_at'",
    )
    columns = await rows(
        owner,
        "select attname::text from pg_catalog.pg_attribute where attnum > 0"
        " and attrelid = 'public.content_items'::regclass"
        " and not attisdropped and attgenerated = ''",
    )

    assert [c for (c,) in columns if f"new.{c}" not in trigger] == []


@pytest.mark.requirement("S2.1.2-a", "S2.1.2-b", "S2.1.2-c")
async def test_permissions_hold_their_words(owner: Connection) -> None:
    user = await add_user(owner, email="a@x.com")
    grantor = await add_user(owner, email="b@x.com", role="super_admin")
    insert = (
        "insert into public.admin_permissions"
        " (user_id, granted_by, resource, action, scope)"
        " values (%s, %s, %s, %s, coalesce(%s, 'organization'))"
    )

    await owner.execute(insert, [user, grantor, "content", "read", None])
    for words in (
        ("things", "read", "all"),
        ("users", "see", "all"),
        ("users", "read", "world"),
    ):
        async with refused(owner, psycopg.errors.CheckViolation):
            await owner.execute(insert, [user, grantor, *words])
    async with refused(owner, psycopg.errors.UniqueViolation):
        await owner.execute(
            "insert into public.admin_permissions (user_id, resource, action)"
            " values (%s, 'content', 'read')",
            [user],
        )
    await owner.execute("delete from auth.users where id = %s", [grantor])

    assert await rows(
        owner, "select scope, granted_by from public.admin_permissions"
    ) == [("organization", None)]


@pytest.mark.requirement("S2.1.2-c")
async def test_ended_permissions_are_listed(owner: Connection) -> None:
    user = await add_user(owner, email="a@x.com")
    await owner.execute(
        "insert into public.admin_permissions (user_id, resource, action, expires_at)"
        " values (%(user)s, 'content', 'read', now() - interval '1 minute'),"
        " (%(user)s, 'content', 'update', now() + interval '1 hour'),"
        " (%(user)s, 'content', 'delete', null)",
        {"user": user},
    )

    assert await rows(owner, "select action from monitoring.expired_permissions()") == [
        ("read",)
    ]
