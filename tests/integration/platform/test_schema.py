"""The tables as the specification has them: types, columns, defaults, keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from monitor.errors import MigrationError
from monitor.postgres import platform as installation
from monitor.postgres.migrate import Migrator
from tests.integration.platform.rows import (
    add_conversation,
    refused,
    rows,
    say,
    scalar,
)
from tests.platform import Connection, Platform, add_user, session_to

pytestmark = pytest.mark.pg(">=15")

TYPES = {
    "access_level": ["read", "comment", "edit", "manage"],
    "assignment_type": ["required", "optional", "recommended"],
    "content_status": ["draft", "review", "approved", "published", "archived"],
    "content_type": ["ai_agent", "video", "document", "prompt", "automation"],
    "conversation_status": ["active", "paused", "completed", "archived"],
    "message_role": ["user", "assistant", "system"],
    "org_status": ["active", "suspended", "trial", "inactive"],
    "user_role": ["super_admin", "admin", "content_creator", "manager", "user"],
}
ID = "uuid! gen_random_uuid()"
NOW = "timestamptz! now()"
JSON = "jsonb! '{}'::jsonb"
TODAY = "date! ((now() AT TIME ZONE 'UTC'::text))::date"
# Type, "!" where null is refused, default.
COLUMNS = {
    "organizations": {
        "id": ID,
        "name": "text!",
        "display_name": "text!",
        "description": "text",
        "parent_id": "uuid",
        "organization_path": "text",
        "depth": "int4! 0",
        "settings": JSON,
        "branding": JSON,
        "features": JSON,
        "subscription_tier": "text! 'basic'::text",
        "user_limit": "int4 100",
        "storage_limit_gb": "int4 10",
        "status": "org_status! 'active'::org_status",
        "created_at": NOW,
        "updated_at": NOW,
    },
    "user_profiles": {
        "id": "uuid!",
        "email": "text!",
        "full_name": "text",
        "avatar_url": "text",
        "role": "user_role! 'user'::user_role",
        "is_active": "bool! true",
        "organization_id": "uuid",
        "department": "text",
        "job_title": "text",
        "phone": "text",
        "timezone": "text 'UTC'::text",
        "language": "text 'en'::text",
        "preferences": JSON,
        "last_login_at": "timestamptz",
        "created_at": NOW,
        "updated_at": NOW,
    },
    "admin_permissions": {
        "id": ID,
        "user_id": "uuid!",
        "resource": "text!",
        "action": "text!",
        "scope": "text! 'organization'::text",
        "granted_by": "uuid",
        "expires_at": "timestamptz",
        "created_at": NOW,
    },
    "content_repositories": {
        "id": ID,
        "name": "text!",
        "display_name": "text!",
        "description": "text",
        "content_type": "content_type!",
        "settings": JSON,
        "is_active": "bool! true",
        "created_at": NOW,
    },
    "content_items": {
        "id": ID,
        "repository_id": "uuid!",
        "title": "text!",
        "description": "text",
        "content_data": JSON,
        "metadata": JSON,
        "status": "content_status! 'draft'::content_status",
        "version": "int4! 1",
        "created_by": "uuid!",
        "organization_id": "uuid",
        "created_at": NOW,
        "updated_at": NOW,
        "published_at": "timestamptz",
        "search_vector": "tsvector",
    },
    "content_versions": {
        "id": ID,
        "content_item_id": "uuid!",
        "version_number": "int4!",
        "title": "text!",
        "description": "text",
        "content_data": "jsonb!",
        "metadata": JSON,
        "change_summary": "text",
        "created_by": "uuid!",
        "created_at": NOW,
    },
    "content_assignments": {
        "id": ID,
        "content_item_id": "uuid!",
        "organization_id": "uuid",
        "user_id": "uuid",
        "assigned_by": "uuid!",
        "assignment_type": "assignment_type!",
        "access_level": "access_level! 'read'::access_level",
        "starts_at": "timestamptz",
        "expires_at": "timestamptz",
        "is_active": "bool! true",
        "created_at": NOW,
        "updated_at": NOW,
    },
    "conversations": {
        "id": ID,
        "user_id": "uuid!",
        "ai_agent_id": "uuid",
        "title": "text",
        "summary": "text",
        "status": "conversation_status! 'active'::conversation_status",
        "context_data": JSON,
        "message_count": "int4! 0",
        "total_tokens": "int4! 0",
        "estimated_cost": "numeric! 0.00",
        "started_at": NOW,
        "last_message_at": NOW,
        "ended_at": "timestamptz",
        "created_date": TODAY,
        # Ours: hands out the numbers of messages.
        "last_sequence": "int4! 0",
    },
    "conversation_messages": {
        "id": ID,
        "conversation_id": "uuid!",
        "role": "message_role!",
        "content": "text!",
        "metadata": JSON,
        "tokens_used": "int4",
        "processing_time_ms": "int4",
        "model_used": "text",
        "cost_cents": "int4",
        "sequence_number": "int4!",
        "created_at": NOW,
        "created_date": TODAY,
    },
}
REPOSITORIES = [
    ("ai_agents", "ai_agent"),
    ("automations", "automation"),
    ("documents", "document"),
    ("prompts", "prompt"),
    ("videos", "video"),
]

CLOSED = [
    "app_private.begin_migration",
    "app_private.count_message",
    "app_private.is_assigner_in_scope",
    "app_private.keep_content_version",
    "app_private.sync_user_profile",
    "monitoring.archive_conversations",
    "monitoring.expire_assignments",
    "monitoring.expired_permissions",
    "monitoring.reassign_user_content",
    "monitoring.reconcile_conversations",
    "public.apply_migration",
    "public.check_content_assignment_integrity",
    "public.rollback_migration",
]


@pytest.fixture
async def owner(platform: Platform) -> Connection:
    return platform.owner


@pytest.mark.requirement(
    "S2.1.1-b",
    "S2.2.1-a",
    "S2.2.2-a",
    "S2.3.1-a",
    "S2.3.2-a",
    "S2.4.1-a",
    "S2.4.2-a",
    "S2.4.2-b",
)
async def test_types_have_the_specified_labels(owner: Connection) -> None:
    found = await rows(
        owner,
        "select t.typname::text, array_agg(e.enumlabel::text order by e.enumsortorder)"
        " from pg_catalog.pg_enum as e join pg_catalog.pg_type as t"
        " on t.oid = e.enumtypid where t.typnamespace = 'public'::regnamespace"
        " group by 1",
    )

    # Other migrations bring their own along.
    assert {name: labels for name, labels in found if name in TYPES} == TYPES


@pytest.mark.requirement("S2.1.1-b")
async def test_a_type_with_the_same_labels_is_used(
    platform_by_tenant: Platform,
) -> None:
    await take_back(platform_by_tenant)
    await platform_by_tenant.owner.execute(
        "create type public.org_status as enum"
        " ('active', 'suspended', 'trial', 'inactive')"
    )

    async with session_to(platform_by_tenant.conninfo) as session:
        await installation.install(session)

    assert (
        await scalar(
            platform_by_tenant.owner, "select count(*) from public.organizations"
        )
        == 0
    )


@pytest.mark.requirement("S2.1.1-b")
async def test_a_type_with_other_labels_is_an_error(
    platform_by_tenant: Platform,
) -> None:
    await take_back(platform_by_tenant)
    await platform_by_tenant.owner.execute(
        "create type public.org_status as enum ('active')"
    )

    async with session_to(platform_by_tenant.conninfo) as session:
        with pytest.raises(MigrationError) as raised:
            await installation.install(session)

    assert 'type "public.org_status" exists with other labels' in str(
        raised.value.detail
    )


async def take_back(platform: Platform) -> None:
    async with session_to(platform.conninfo) as session:
        await Migrator(session, "platform").down("none", confirm=True)


@pytest.mark.requirement(
    "S2.1.1-c",
    "S2.1.1-h",
    "S2.1.2-b",
    "S2.2.1-b",
    "S2.2.2-b",
    "S2.2.3-a",
    "S2.3.1-b",
    "S2.3.2-b",
    "S2.4.1-b",
    "S2.4.2-b",
)
@pytest.mark.parametrize("table", sorted(COLUMNS))
async def test_columns_are_the_specified_ones(owner: Connection, table: str) -> None:
    found = await rows(
        owner,
        "select column_name::text, udt_name::text, is_nullable = 'NO', column_default"
        " from information_schema.columns where table_schema = 'public'"
        " and table_name = %s order by ordinal_position",
        table,
    )

    assert {name: described(column) for name, *column in found} == COLUMNS[table]


def described(column: Iterable[Any]) -> str:
    kind, is_required, default = column
    mark = "!" if is_required else ""
    return f"{kind}{mark} {default}" if default is not None else f"{kind}{mark}"


@pytest.mark.requirement("S2.2.1-b")
async def test_there_are_five_repositories(platform_by_tenant: Platform) -> None:
    async with session_to(platform_by_tenant.conninfo) as session:
        again = await installation.install(session)

    assert again.migrations == ()
    assert (
        await rows(
            platform_by_tenant.owner,
            "select name, content_type from public.content_repositories order by 1",
        )
        == REPOSITORIES
    )


@pytest.mark.requirement("S2.3.2-b", "S2.3.2-c", "S2.1.1-d", "S2.4.1-b")
async def test_keys_and_unique_rules(owner: Connection) -> None:
    found = await rows(
        owner,
        "select conrelid::regclass::text, pg_catalog.pg_get_constraintdef(oid)"
        " from pg_catalog.pg_constraint where contype in ('p', 'u')"
        " and connamespace = 'public'::regnamespace"
        " and conrelid = any (%s::regclass[])",
        [f"public.{table}" for table in COLUMNS],
    )

    assert set(found) == {
        *((table, "PRIMARY KEY (id)") for table in COLUMNS if table[-8:] != "messages"),
        ("conversation_messages", "PRIMARY KEY (id, created_date)"),
        (
            "conversation_messages",
            "UNIQUE (conversation_id, sequence_number, created_date)",
        ),
        ("organizations", "UNIQUE (name)"),
        ("admin_permissions", "UNIQUE (user_id, resource, action, scope)"),
        ("content_repositories", "UNIQUE (name)"),
        ("content_versions", "UNIQUE (content_item_id, version_number)"),
    }


@pytest.mark.requirement("S5.1.1-e", "S5.1.1-f", "S5.1.1-d")
async def test_what_the_columns_refuse(owner: Connection) -> None:
    user = await add_user(owner, email="a@x.com")
    conversation = await add_conversation(owner, user)
    await say(owner, conversation)

    changes: tuple[tuple[LiteralString, LiteralString, LiteralString], ...] = (
        ("conversations", "total_tokens = -1", "chk_conversation_tokens_positive"),
        ("conversations", "estimated_cost = -1", "chk_conversation_cost_positive"),
        (
            "conversation_messages",
            "content = E' \\n\\t'",
            "chk_message_content_not_empty",
        ),
    )
    for table, change, constraint in changes:
        query = sql.SQL("update public.{} set {}").format(
            sql.Identifier(table), sql.SQL(change)
        )
        async with refused(owner, psycopg.errors.CheckViolation, constraint):
            await owner.execute(query)
    async with refused(
        owner, psycopg.errors.CheckViolation, "chk_message_sequence_positive"
    ):
        # Of no conversation: the check comes before the foreign key.
        await say(owner, uuid4(), sequence_number=0)


@pytest.mark.requirement("S5.1.1-g")
async def test_every_constraint_is_valid_and_installed_once(
    platform_by_tenant: Platform,
) -> None:
    constraints: LiteralString = (
        "select conrelid::regclass::text, conname::text, convalidated"
        " from pg_catalog.pg_constraint"
        " where connamespace = 'public'::regnamespace and conrelid <> 0 order by 1, 2"
    )
    before = await rows(platform_by_tenant.owner, constraints)

    async with session_to(platform_by_tenant.conninfo) as session:
        await installation.install(session)

    assert await rows(platform_by_tenant.owner, constraints) == before
    assert [row for row in before if not row[2]] == []


async def test_functions_are_closed_to_everybody(
    platform_by_tenant: Platform,
) -> None:
    open_to = await rows(
        platform_by_tenant.owner,
        "select p.oid::regprocedure::text, r.role"
        " from unnest(%s::regproc[]) as f (oid)"
        " join pg_catalog.pg_proc as p on p.oid = f.oid,"
        " unnest(%s::text[]) as r (role)"
        " where pg_catalog.has_function_privilege(r.role, p.oid, 'execute')",
        CLOSED,
        ["anon", "authenticated", "service_role"],
    )

    assert open_to == []


async def test_functions_have_a_fixed_empty_search_path(owner: Connection) -> None:
    # Not procedures: one that has a setting of its own cannot commit.
    loose = await rows(
        owner,
        "select oid::regprocedure::text from pg_catalog.pg_proc"
        " where pronamespace in ('app_private'::regnamespace,"
        " 'public'::regnamespace) and prokind = 'f' and not coalesce("
        " 'search_path=\"\"' = any (proconfig), false)",
    )

    assert loose == []
