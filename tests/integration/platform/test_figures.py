"""What the monitoring sees of the platform: figures, through functions, no rows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from monitor.errors import TargetError
from monitor.exporters.layout import family_of
from monitor.postgres.access import ACCESS
from tests import servers
from tests.collecting import Bench, bench, samples
from tests.integration.platform.rows import add_conversation, add_item, rows, scalar
from tests.platform import Connection, Platform, add_organization, add_user
from tests.servers import Cluster

pytestmark = pytest.mark.pg(">=15")

GB = 1024**3
METRICS = ("pgvigil_organization", "pgvigil_assistant")
FIGURES = (
    "answer_figures",
    "assignment_figures",
    "conversation_figures",
    "storage_figures",
)


@pytest.fixture
async def at(platform: Platform, cluster: Cluster) -> AsyncIterator[Bench]:
    """Return the collectors of the monitoring role on a platform."""
    async with await psycopg.AsyncConnection.connect(
        platform.admin_conninfo, autocommit=True
    ) as admin:
        await servers.create_reader(admin)
        await admin.execute(ACCESS)
    async with bench(servers.reader_credentials(cluster, platform.database)) as made:
        yield made


async def figures(at: Bench, name: str) -> list[dict[str, object]]:
    (sheet,) = (await at.collect(name)).sheets
    return samples(sheet)


async def store(owner: Connection, name: str, *sizes: int) -> UUID:
    """Create an organization with items of so many incompressible bytes."""
    organization = await add_organization(owner, name=name)
    author = await add_user(owner, email=f"{uuid4()}@x.example")
    for size in sizes:
        item = await add_item(owner, author, organization=organization)
        await owner.execute(
            """
            update public.content_items
            set content_data = jsonb_build_object(
                'text',
                (
                    select string_agg(md5(n::text || %(size)s), '')
                    from generate_series(1, %(size)s / 32) as n
                )
            )
            where id = %(item)s
            """,
            {"size": size, "item": item},
        )
    return organization


@pytest.mark.requirement("S2.4.1-b")
async def test_storage_is_reported_beside_the_limit(
    platform: Platform, at: Bench
) -> None:
    owner = platform.owner
    small = await store(owner, "small", 3_200)
    await store(owner, "large & <co>", 320_000, 320_000)
    await add_organization(owner, name="empty")
    await owner.execute(
        "update public.organizations set storage_limit_gb = null where id = %s", [small]
    )

    found = {row["organization"]: row for row in await figures(at, METRICS[0])}

    used: dict[object, Any] = {n: r["storage_used_bytes"] for n, r in found.items()}
    assert used["empty"] == 0
    assert 3_200 < used["small"] < 3_200 * 1.2
    assert 640_000 < used["large & <co>"] < 640_000 * 1.1
    assert {name: row["storage_limit_bytes"] for name, row in found.items()} == {
        "empty": 10 * GB,
        "small": None,
        "large & <co>": 10 * GB,
    }


@pytest.mark.requirement("S2.4.1-b")
async def test_versions_count_as_storage(platform: Platform, at: Bench) -> None:
    owner = platform.owner
    await store(owner, "one", 32_000)
    await owner.execute("update public.content_items set content_data = '{}'")

    (row,) = await figures(at, METRICS[0])

    assert await scalar(owner, "select count(*) from public.content_versions") == 2
    assert 32_000 < float(str(row["storage_used_bytes"])) < 35_000


@pytest.mark.requirement("S2.4.1-b")
async def test_organizations_far_from_their_limit_are_one_row(
    platform: Platform, at: Bench
) -> None:
    owner = platform.owner
    await owner.execute(
        "insert into public.organizations (name, display_name, storage_limit_gb)"
        " select 'o' || n, 'o', 1 from generate_series(1, 30) as n"
    )
    await store(owner, "used", 32_000)

    found = {r["organization"]: r for r in await figures(at, METRICS[0])}

    assert len(found) == 21
    assert "used" in found
    assert found["(others)"]["storage_limit_bytes"] == 11 * GB


@pytest.mark.requirement("S2.4.1-b")
async def test_large_tables_are_estimated_from_a_sample(platform: Platform) -> None:
    owner = platform.owner
    await store(owner, "sampled", 3_200)
    async with owner.transaction(force_rollback=True):
        await owner.execute("alter table public.content_items disable trigger user")
        await owner.execute(
            """
            insert into public.content_items (
                repository_id, title, description, created_by, organization_id
            )
            select
                i.repository_id, 'A title', repeat('long ', 360), i.created_by,
                i.organization_id
            from public.content_items as i
            cross join generate_series(1, 6000) as n
            """
        )
        exact = await scalar(owner, "select monitoring.storage_figures()")
        # The same with a sample of a tenth of what there is.
        pages = await scalar(
            owner, "select pg_relation_size('public.content_items') / 8192"
        )
        definition = await scalar(
            owner,
            "select replace(pg_get_functiondef("
            "'monitoring.storage_figures()'::regprocedure),"
            " '10000 * 8192', %s || ' * 8192')",
            str(pages // 10),
        )
        await owner.execute(definition)
        sampled = await scalar(owner, "select monitoring.storage_figures()")

    ratio = sampled[0]["storage_used_bytes"] / exact[0]["storage_used_bytes"]
    assert pages > 100
    assert ratio != 1
    assert 0.5 < ratio < 2


async def answer(
    owner: Connection, conversation: UUID, hours_ago: float, **columns: object
) -> None:
    values: dict[str, object] = {
        "role": "assistant",
        "milliseconds": None,
        "tokens": None,
        "cents": None,
        **columns,
    }
    await owner.execute(
        """
        insert into public.conversation_messages (
            conversation_id, role, content, processing_time_ms, tokens_used,
            cost_cents, created_at, created_date
        )
        select
            %(conversation)s, %(role)s::public.message_role, 'text', %(milliseconds)s,
            %(tokens)s, %(cents)s, m.moment, (m.moment at time zone 'UTC')::date
        from (select now() - make_interval(hours => %(hours)s) as moment) as m
        """,
        values | {"conversation": conversation, "hours": hours_ago},
    )


@pytest.mark.requirement("S2.3.2-g")
async def test_answers_of_a_day_are_reported(platform: Platform, at: Bench) -> None:
    owner = platform.owner
    user = await add_user(owner, email="a@x.example")
    conversation = await add_conversation(owner, user)
    before = await figures(at, METRICS[1])
    for milliseconds in range(100, 2_200, 100):
        await answer(
            owner, conversation, 23, milliseconds=milliseconds, tokens=10, cents=3
        )
    await answer(owner, conversation, 25, milliseconds=99_000, tokens=5, cents=5)
    await answer(owner, conversation, 1, role="user", milliseconds=99_000, tokens=5)

    found = await figures(at, METRICS[1])

    nothing = {"messages": 0, "tokens": 0, "cost": 0}
    assert before == [nothing | {"processing_p95_seconds": None}]
    assert found == [
        {
            "messages": 21,
            "processing_p95_seconds": pytest.approx(2.0),
            "tokens": 210,
            "cost": pytest.approx(0.63),
        }
    ]


@pytest.mark.requirement("S2.3.2-g")
async def test_only_partitions_of_the_last_days_are_read(platform: Platform) -> None:
    body = await scalar(
        platform.owner,
        "select prosrc from pg_catalog.pg_proc where proname = 'answer_figures'",
    )

    plan = await rows(platform.owner, "explain (costs off) " + body)

    text = "\n".join(line for (line,) in plan)
    assert "Subplans Removed: " in text
    read = len(re.findall(r"Scan on conversation_messages_\w+ m", text))
    # Two at the turn of a month.
    assert read in (1, 2), text


@pytest.mark.requirement("S2.4.1-b", "S2.3.2-g")
async def test_the_reader_gets_figures_and_no_rows(
    platform: Platform, at: Bench
) -> None:
    reader = at.session.connection
    for name in METRICS:
        assert at.collectors[name].skipped == ""
        await figures(at, name)

    for table in ("organizations", "content_items", "conversation_messages"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.execute(f"select from public.{table}".encode())
        await reader.rollback()
    callers = await rows(
        platform.owner,
        """
        select p.proname, r.rolname
        from pg_catalog.pg_proc as p
        cross join pg_catalog.pg_roles as r
        where p.proname = any (%s)
            and r.rolname in ('anon', 'authenticated', 'service_role')
            and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')
        """,
        list(FIGURES),
    )
    assert callers == []


@pytest.mark.requirement("S2.4.1-b", "S2.3.2-g")
async def test_without_the_platform_or_the_right_there_is_nothing_and_no_error(
    platform: Platform, at: Bench, cluster: Cluster, database: str
) -> None:
    async with bench(servers.reader_credentials(cluster, database)) as elsewhere:
        bare = [await figures(elsewhere, name) for name in METRICS]
    for name in FIGURES:
        await platform.owner.execute(
            sql.SQL("revoke execute on function monitoring.{}() from {}").format(
                sql.Identifier(name), sql.Identifier(servers.READER)
            )
        )
    refused = [await figures(at, name) for name in METRICS]
    await platform.owner.execute(
        "revoke usage on schema monitoring from pgvigil_reader"
    )
    closed = [await figures(at, name) for name in METRICS]

    assert [bare, refused, closed] == [[[], []]] * 3


@pytest.mark.requirement("S2.4.1-b")
async def test_a_function_that_would_run_with_our_rights_is_not_called(
    platform: Platform, at: Bench
) -> None:
    await platform.owner.execute(
        "alter function monitoring.storage_figures() security invoker"
    )

    assert await figures(at, METRICS[0]) == []


@pytest.mark.requirement("S2.4.1-b", "S2.3.2-g")
async def test_a_failure_is_one_of_the_collector(platform: Platform, at: Bench) -> None:
    await platform.owner.execute("alter table public.organizations rename to gone")

    with pytest.raises(TargetError):
        await at.collect(METRICS[0])


@pytest.mark.requirement("S2.4.1-b", "S2.3.2-g")
def test_metrics_of_the_platform_are_named_as_ours() -> None:
    assert family_of("pgvigil_assistant", "tokens") == "pgvigil_assistant_tokens"
    assert family_of("stat_wal", "bytes") == "pg_stat_wal_bytes"
