"""The platform's indexes: which there are, which not, and how they are built."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from monitor.advisor import (
    duplicate_index,
    foreign_key_without_index,
    redundant_index,
)
from monitor.errors import MigrationError
from monitor.model.finding import Finding
from monitor.model.rows.stat_replication import ReplicationRow
from monitor.model.target import Credentials
from monitor.model.view import View
from monitor.model.window import UsageWindow
from monitor.postgres.migrate import Migrator
from monitor.postgres.session import Session
from monitor.runtime.rules import discover
from tests import servers
from tests.collecting import bench, eventually
from tests.judging import Court
from tests.platform import Connection, Platform, add_user, session_to
from tests.servers import Cluster
from tests.unit.factories import make, reading

KEPT = {
    "admin_permissions": "idx_admin_perms_granted_by idx_admin_perms_resource",
    "audit_logs": "idx_audit_logs_record idx_audit_logs_table idx_audit_logs_user",
    "content_assignments": (
        "idx_assignment_analytics idx_assignments_active"
        " idx_assignments_active_lookup idx_assignments_assigned_by"
        " idx_assignments_expires idx_assignments_user idx_content_assignments_rls"
    ),
    "content_items": (
        "idx_content_analytics idx_content_items_creator_date"
        " idx_content_items_org_updated idx_content_items_published"
        " idx_content_items_published_at idx_content_items_repo"
        " idx_content_items_rls_composite idx_content_items_search"
        " idx_content_items_status"
    ),
    "content_repositories": "idx_content_repos_active idx_content_repos_type",
    "content_versions": "idx_content_versions_creator",
    "conversation_messages": (
        "idx_conv_messages_date idx_conv_messages_rls idx_conv_messages_role"
        " idx_user_activity"
    ),
    "conversations": (
        "idx_conversations_agent idx_conversations_analytics"
        " idx_conversations_status idx_conversations_user_recent"
        " idx_conversations_user_status"
    ),
    "organizations": "idx_orgs_parent idx_orgs_path idx_orgs_status",
    "user_profiles": (
        "idx_user_profiles_active idx_user_profiles_auth_lookup"
        " idx_user_profiles_email_active idx_user_profiles_org_role"
        " idx_user_profiles_rls_admin idx_user_profiles_role"
    ),
}
"""By table, what only serves speed; constraints are not here."""

WANTED = {(table, name) for table, names in KEPT.items() for name in names.split()}
UP_TO_003 = {(table, name) for table, name in WANTED if table != "audit_logs"}
SHAPES = {
    "idx_assignments_active": "(organization_id, expires_at) WHERE is_active",
    "idx_content_items_org_updated": (
        "(organization_id, status, updated_at DESC, id DESC)"
    ),
    "idx_content_items_published": (
        "(repository_id, status, published_at DESC) "
        "WHERE (status = 'published'::content_status)"
    ),
    "idx_content_items_published_at": (
        "(published_at) WHERE (published_at IS NOT NULL)"
    ),
    "idx_orgs_path": "(organization_path text_pattern_ops)",
    "idx_user_profiles_active": "(updated_at) WHERE (NOT is_active)",
    "idx_user_profiles_auth_lookup": (
        "(id) INCLUDE (role, organization_id, is_active)"
    ),
    "idx_user_profiles_email_active": "(lower(email)) WHERE is_active",
}
REPORTS = (duplicate_index, foreign_key_without_index, redundant_index)
OURS = {"app_partitions", "app_private", "auth", "monitoring", "public"}


async def indexes(connection: Connection, *, valid: bool) -> set[tuple[str, str]]:
    """Return table and name of the indexes in schema public that serve speed."""
    cursor = await connection.execute(
        """
        select t.relname, c.relname
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid = i.indexrelid
        join pg_catalog.pg_class as t on t.oid = i.indrelid
        where
            c.relnamespace = 'public'::pg_catalog.regnamespace
            and i.indisvalid = %s
            and not i.indisunique
        """,
        [valid],
    )
    return {(str(table), str(name)) for table, name in await cursor.fetchall()}


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S4.1.1-a", "S2.1.1-i", "S2.3.2-h", "S7.2.1-b", "index-map")
async def test_the_indexes_are_those_of_the_map(platform: Platform) -> None:
    assert await indexes(platform.owner, valid=True) == WANTED
    assert await indexes(platform.owner, valid=False) == set()


@pytest.mark.requirement("S4.1.1-a", "index-map")
@pytest.mark.parametrize("name", SHAPES)
async def test_an_index_has_the_columns_that_its_queries_need(
    platform: Platform, name: str
) -> None:
    cursor = await platform.owner.execute(
        "select pg_catalog.pg_get_indexdef(%s::pg_catalog.regclass)", [f"public.{name}"]
    )
    row = await cursor.fetchone()

    assert row is not None
    assert SHAPES[name] == row[0].partition(" USING btree ")[2]


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S4.1.1-a", "S2.1.1-i", "S2.3.2-h", "S7.2.1-b", "index-map")
@pytest.mark.parametrize(
    "report", REPORTS, ids=["duplicate", "foreign key", "redundant"]
)
async def test_our_own_reports_have_nothing_to_say(
    platform: Platform, cluster: Cluster, report: ModuleType
) -> None:
    found = advise(await look(platform, cluster), report)

    assert [(f.object.name, f.summary) for f in found] == []


@pytest.mark.requirement("S4.1.1-a")
@pytest.mark.parametrize(
    ("report", "flaw"),
    [
        (
            duplicate_index,
            "create index again on public.conversations (ai_agent_id)",
        ),
        (
            foreign_key_without_index,
            "drop index public.idx_admin_perms_granted_by",
        ),
        (
            redundant_index,
            "create index prefix on public.content_items (organization_id, status)",
        ),
    ],
    ids=["duplicate", "foreign key", "redundant"],
)
async def test_our_own_reports_would_see_a_flaw(
    platform: Platform, cluster: Cluster, report: ModuleType, flaw: str
) -> None:
    await platform.owner.execute(flaw.encode())

    found = advise(await look(platform, cluster), report)

    assert len(found) == 1


async def read(reader: Credentials) -> View:
    async with bench(reader) as at:
        court = Court(at)
        for _ in range(2):
            await court.read("catalog", "catalog_definitions", "stat_user_tables")
            await court.read("stat_user_indexes")
    return court.view()


async def look(platform: Platform, cluster: Cluster) -> View:
    """Return what the daemon sees of the platform after two months of use."""
    async with await psycopg.AsyncConnection.connect(
        platform.admin_conninfo, autocommit=True
    ) as admin:
        await servers.create_reader(admin)
        await admin.execute("grant pg_read_all_data to pgvigil_reader")
        await admin.execute("analyze")
        try:
            seen = await read(servers.reader_credentials(cluster, platform.database))
        finally:
            # The role is the whole server's, and other tests' too.
            await admin.execute("revoke pg_read_all_data from pgvigil_reader")
    window = make(UsageWindow, since=seen.now - timedelta(days=60), until=seen.now)
    return replace(
        seen,
        windows={
            (platform.database, oid): window
            for oid in seen.catalogs[platform.database].indexes
        },
        readings={**seen.readings, (ReplicationRow, ""): reading(())},
    )


def advise(seen: View, report: ModuleType) -> list[Finding]:
    rule = discover()[report.__name__.rpartition(".")[2]]
    usual = rule.thresholds()
    # The tables are empty: however small something is, it is to be reported.
    none = {f.name: 0.0 for f in fields(usual) if f.name.startswith("min_")}
    thresholds = replace(usual, **none)
    return [f for f in rule.check(seen, thresholds) if f.object.schema in OURS]


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S4.1.1-a")
@pytest.mark.parametrize("view", ["duplicate_indexes", "redundant_indexes"])
async def test_the_views_for_operators_list_nothing(
    platform: Platform, view: str
) -> None:
    query = f"select v.indexname from monitoring.{view} as v"
    before = await column(platform, query)
    await platform.owner.execute("create index a on public.conversations (ai_agent_id)")
    await platform.owner.execute("create index b on public.content_items (created_by)")

    assert before == []
    assert await column(platform, query) != []


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3.2.1-a")
async def test_a_killed_build_is_repaired_by_the_next_run(platform: Platform) -> None:
    owner = platform.owner
    async with session_to(platform.conninfo) as session:
        await migrator(session).down("002", confirm=True)

    # An older snapshot keeps the build waiting in its last phase.
    async with session_to(platform.conninfo) as victim, owner.transaction():
        await owner.execute("set transaction isolation level repeatable read")
        await owner.execute("select 1")
        running = asyncio.ensure_future(migrator(victim).up("003"))
        await begun(platform, "idx_orgs_parent")
        async with connected(platform) as other:
            await other.execute(
                "select pg_catalog.pg_terminate_backend(%s)", [victim.backend_pid]
            )
        with pytest.raises(MigrationError):
            await running
    left = await indexes(owner, valid=False)
    async with session_to(platform.conninfo) as session:
        repaired = await migrator(session).up("003")

    assert left == {("organizations", "idx_orgs_parent")}
    assert [m.version for m in repaired] == ["003"]
    assert await indexes(owner, valid=True) == UP_TO_003
    assert await indexes(owner, valid=False) == set()


@pytest.mark.requirement("S4.1.1-a")
@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("organizations", "idx_orgs_status"),
        ("conversation_messages", "idx_conv_messages_role"),
    ],
)
async def test_an_index_of_that_name_with_another_definition_is_refused(
    platform: Platform, table: str, name: str
) -> None:
    async with session_to(platform.conninfo) as session:
        await migrator(session).down("002", confirm=True)
        await platform.owner.execute(f"drop index if exists public.{name}".encode())
        await platform.owner.execute(
            f"create index {name} on public.{table} (id)".encode()
        )
        # The first run may stop at the name that is taken; the next one passes it.
        with pytest.raises(MigrationError):
            await migrator(session).up("003")
        with pytest.raises(MigrationError) as raised:
            await migrator(session).up("003")

    assert f"another definition: {name}" in (raised.value.detail or "")


def migrator(session: Session) -> Migrator:
    chosen = os.environ.get("MONITOR_TEST_PLATFORM")
    return Migrator(session, "platform", folder=Path(chosen) if chosen else None)


@asynccontextmanager
async def connected(platform: Platform) -> AsyncGenerator[Connection]:
    async with await psycopg.AsyncConnection.connect(
        platform.conninfo, autocommit=True
    ) as connection:
        yield connection


async def begun(platform: Platform, name: str) -> None:
    """Wait until the build of an index has come to its last phase."""
    async with connected(platform) as connection:

        async def look() -> tuple[str, bool]:
            cursor = await connection.execute(
                "select coalesce(max(phase), '') from "
                "pg_catalog.pg_stat_progress_create_index "
                "where index_relid = pg_catalog.to_regclass(%s)",
                [f"public.{name}"],
            )
            row = await cursor.fetchone()
            phase = str(row[0]) if row else ""
            return phase, phase == "waiting for old snapshots"

        await eventually(look)


NEW_INDEX = """
create index idx_model on only public.conversation_messages (model_used desc)
where model_used is not null
"""
STEPS = (
    "select s.statement from monitoring.partition_index_steps('public.idx_model') as s"
)


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S4.1.2-a")
async def test_a_large_partitioned_table_gets_an_index_part_by_part(
    platform: Platform,
) -> None:
    await add_messages(platform)
    await platform.owner.execute(NEW_INDEX)
    before = await is_valid(platform)

    steps = await column(platform, STEPS)
    for step in steps:
        await platform.owner.execute(step.encode())

    builds = [s for s in steps if s.startswith("create index concurrently ")]
    assert not before
    assert len(builds) == await partitions(platform)
    assert await is_valid(platform)
    assert await column(platform, STEPS) == []


@pytest.mark.requirement("S4.1.2-a")
async def test_the_steps_go_on_where_they_were_interrupted(platform: Platform) -> None:
    owner = platform.owner
    await add_messages(platform)
    await owner.execute(NEW_INDEX)
    first, second, third, *_ = await column(platform, STEPS)
    await owner.execute(first.encode())
    await owner.execute(second.encode())
    await fail_midway(platform, third)

    steps = await column(platform, STEPS)
    for step in steps:
        await owner.execute(step.encode())

    assert steps[0].startswith("drop index concurrently app_partitions.")
    assert first not in steps
    assert second not in steps
    assert await is_valid(platform)


async def fail_midway(platform: Platform, build: str) -> None:
    """Leave the invalid index of a build that an old snapshot has held up."""
    async with connected(platform) as holder, holder.transaction():
        await holder.execute("set transaction isolation level repeatable read")
        await holder.execute("select 1")
        await platform.owner.execute("set lock_timeout = 100")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await platform.owner.execute(build.encode())
        await platform.owner.execute("reset lock_timeout")


@pytest.mark.requirement("S4.1.2-a")
async def test_a_new_partition_has_all_indexes_of_its_table(platform: Platform) -> None:
    await platform.owner.execute(
        "select app_private.create_partition("
        "'public.conversation_messages', '2031-05-01')"
    )

    query = """
        select pg_catalog.count(*)::text
        from pg_catalog.pg_index as i
        where i.indisvalid and i.indrelid = {}::pg_catalog.regclass
    """
    there = await column(
        platform, query.format("'app_partitions.conversation_messages_2031_05'")
    )
    assert there == await column(
        platform, query.format("'public.conversation_messages'")
    )


async def test_steps_are_refused_for_what_is_not_partitioned(
    platform: Platform,
) -> None:
    with pytest.raises(psycopg.errors.WrongObjectType):
        await column(platform, STEPS.replace("idx_model", "idx_orgs_path"))


async def add_messages(platform: Platform) -> None:
    """Add a conversation with messages of this month and the last."""
    user = await add_user(platform.owner, email="a@example.org")
    await platform.owner.execute(
        """
        with c as (
            insert into public.conversations (user_id) values (%s) returning id
        )
        insert into public.conversation_messages
            (conversation_id, role, content, model_used, created_at, created_date)
        select c.id, 'assistant', 'answer', 'small', m.at, m.at::date
        from
            c,
            pg_catalog.generate_series(now() - interval '30 days', now(), '1 day')
                as m (at)
        """,
        [user],
    )


async def column(platform: Platform, query: str) -> list[str]:
    cursor = await platform.owner.execute(query.encode())
    return [str(row[0]) for row in await cursor.fetchall()]


async def is_valid(platform: Platform) -> bool:
    found = await column(
        platform,
        "select i.indisvalid from pg_catalog.pg_index as i "
        "where i.indexrelid = 'public.idx_model'::pg_catalog.regclass",
    )
    return found == ["True"]


async def partitions(platform: Platform) -> int:
    found = await column(
        platform,
        "select i.inhrelid from pg_catalog.pg_inherits as i "
        "where i.inhparent = 'public.conversation_messages'::pg_catalog.regclass",
    )
    return len(found)
